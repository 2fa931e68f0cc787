package access_test

import (
	"strings"
	"testing"

	"landlord/internal/access"
	"landlord/internal/snapshot"
)

// small makes a snapshot of roles "name attributes" and memberships
// "member>role options".
func small(major int, roles []string, members []string) snapshot.Snapshot {
	s := snapshot.Snapshot{Databases: []snapshot.Database{{Name: "postgres", Owner: "postgres", AllowConn: true}}}
	s.Version = 180000
	if major != 0 {
		s.Version = 150000
	}
	for _, text := range roles {
		name, attributes, _ := strings.Cut(text, " ")
		s.Roles = append(s.Roles, snapshot.Role{Name: name, Login: true, Inherit: true, Superuser: strings.Contains(attributes, "super"),
			CreateRole: strings.Contains(attributes, "createrole")})
	}
	for _, text := range members {
		pair, options, _ := strings.Cut(text, " ")
		member, role, _ := strings.Cut(pair, ">")
		s.Memberships = append(s.Memberships, snapshot.Membership{Member: member, Role: role, Inherit: strings.Contains(options, "i"),
			Set: strings.Contains(options, "s"), Admin: strings.Contains(options, "a")})
	}
	return s
}

// said is a path in a few words.
func said(paths []access.Path) string {
	if len(paths) == 0 {
		return ""
	}
	text := string(paths[0].Certainty)
	for _, s := range paths[0].Steps {
		text += " " + s.Kind
	}
	return text
}

func TestPathsThroughMemberships(t *testing.T) {
	for name, c := range map[string]struct {
		old     int
		roles   []string
		members []string
		from    string
		to      string
		want    string // certainty and kinds of the first path
	}{
		"none":                       {0, []string{"a", "b"}, nil, "a", "b", ""},
		"set":                        {0, []string{"a", "b"}, []string{"a>b s"}, "a", "b", "certain set-role"},
		"inherit":                    {0, []string{"a", "b"}, []string{"a>b i"}, "a", "b", "certain inherit"},
		"no option":                  {0, []string{"a", "b"}, []string{"a>b "}, "a", "b", "blocked set-role"},
		"admin alone":                {0, []string{"a", "b"}, []string{"a>b a"}, "a", "b", "certain admin-option"},
		"admin of an inherited role": {0, []string{"a", "b", "c"}, []string{"a>b i", "b>c a"}, "a", "c", "certain inherit admin-option"},
		"set does not begin at what is inherited":   {0, []string{"a", "b", "p super"}, []string{"a>b i", "b>p s"}, "a", "superuser", "blocked set-role set-role"},
		"who can become it is one of it":            {0, []string{"a", "b", "c"}, []string{"a>b i", "b>c s"}, "a", "c", "certain inherit"},
		"rights of a superuser are not its powers":  {0, []string{"a", "p super"}, []string{"a>p i"}, "a", "superuser", "blocked set-role"},
		"set to a superuser":                        {0, []string{"a", "p super"}, []string{"a>p s"}, "a", "superuser", "certain set-role"},
		"admin of a superuser":                      {0, []string{"a", "p super"}, []string{"a>p a"}, "a", "superuser", "blocked admin-option"},
		"a circle":                                  {0, []string{"a", "b"}, []string{"b>a i", "a>b a"}, "a", "b", "blocked admin-option"},
		"createrole before 16":                      {15, []string{"a createrole", "b"}, nil, "a", "b", "certain createrole"},
		"createrole is not inherited":               {15, []string{"a", "c createrole", "b"}, []string{"a>c i"}, "a", "b", "blocked set-role createrole"},
		"createrole since 16":                       {0, []string{"a createrole", "b"}, nil, "a", "b", ""},
		"createrole becomes no superuser by itself": {15, []string{"a createrole", "p super"}, nil, "a", "superuser", ""},
	} {
		t.Run(name, func(t *testing.T) {
			paths, err := access.Prepare(small(c.old, c.roles, c.members)).Paths(c.from, c.to)
			if err != nil {
				t.Fatal(err)
			}
			if got := said(paths); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
