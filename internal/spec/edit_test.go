package spec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// where is a valid beginning without tenants.
const where = "servers:\n  main:\n    connection: host=/run\n"

func kv(key string, values ...string) KeyValue { return KeyValue{key, values} }

// edited is the text after a change, which must succeed.
func edited(t *testing.T, text string, c Change) string {
	t.Helper()
	e, err := Edit("landlord.yaml", []byte(text), c)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	again, err := Edit("landlord.yaml", e.Text, c)
	if c.verb == removing {
		if !errors.Is(err, ErrUnknownTenant) {
			t.Errorf("removed twice: %v", err)
		}
	} else if err != nil || string(again.Text) != string(e.Text) {
		t.Errorf("twice: %v\n%s", err, again.Text)
	}
	return string(e.Text)
}

func TestAdd(t *testing.T) {
	plain := Add(TenantEntry{Name: "new"})
	rich := Add(TenantEntry{"new", []KeyValue{kv("isolation", "schema"), kv("limits.connections", "5"), kv("logins.app", "a", "b c"), kv("limits.statement_timeout", "30s"),
		kv("schemas", "x"), kv("settings.app.x", "on"), kv("settings.z", "true"), kv("suspended", "true")}})
	const richFlow = `new: {isolation: schema, limits: {connections: 5, statement_timeout: 30s}, logins: {app: [a, b c]}, schemas: [x], settings: {app.x: "on", z: true}, suspended: true}`
	tests := []struct {
		name, text string
		change     Change
		want       string
	}{
		{"block", where + "tenants:\n  acme: {}\n", plain, where + "tenants:\n  acme: {}\n  new: {}\n"},
		{"rich", where + "tenants:\n  acme: {}\n", rich, where + `tenants:
  acme: {}
  new:
    isolation: schema
    limits:
      connections: 5
      statement_timeout: 30s
    logins:
      app: [a, b c]
    schemas: [x]
    settings:
      app.x: "on"
      z: true
    suspended: true
`},
		{"no newline at the end", where + "tenants:\n  acme: {}", plain, where + "tenants:\n  acme: {}\n  new: {}"},
		{"CRLF", strings.ReplaceAll(where+"tenants:\n  acme: {}\n", "\n", "\r\n"), Add(TenantEntry{"new", []KeyValue{kv("temp", "false")}}),
			strings.ReplaceAll(where+"tenants:\n  acme: {}\n  new:\n    temp: false\n", "\n", "\r\n")},
		{"byte order mark", "\uFEFFtenants: {}\n" + where, plain, "\uFEFFtenants:\n  new: {}\n" + where},
		{"own indentation", where + "tenants:\n    acme:\n       temp: true\n", Add(TenantEntry{"new", []KeyValue{kv("temp", "false")}}),
			where + "tenants:\n    acme:\n       temp: true\n    new:\n       temp: false\n"},
		{"comments after the last", where + "tenants:\n  acme:\n    temp: true # yes\n    # inside\n\n    # inside too\n  # - more -\n\n# end\n", plain,
			where + "tenants:\n  acme:\n    temp: true # yes\n    # inside\n\n    # inside too\n  new: {}\n  # - more -\n\n# end\n"},
		{"a section behind", "tenants:\n  acme: {}\n\n# servers\n" + where, plain, "tenants:\n  acme: {}\n  new: {}\n\n# servers\n" + where},
		{"missing", where + "# end", plain, where + "tenants:\n  new: {}\n# end"},
		{"missing, no newline", strings.TrimSuffix(where, "\n"), plain, where + "tenants:\n  new: {}"},
		{"nothing", "tenants: # none yet\n" + where, plain, "tenants: # none yet\n  new: {}\n" + where},
		{"nothing but remarks", "tenants:\n  # none yet\n# servers\n" + where, plain, "tenants:\n  # none yet\n  new: {}\n# servers\n" + where},
		{"null", "tenants: null # none\n" + where, plain, "tenants: # none\n  new: {}\n" + where},
		{"tilde", "tenants: ~\n" + where, plain, "tenants:\n  new: {}\n" + where},
		{"empty", where + "tenants: {}", plain, where + "tenants:\n  new: {}"},
		{"empty with a remark", where + "tenants: { # none\n}\n", plain, where + "tenants: {new: {} # none\n}\n"},
		{"flow", where + "tenants: {t: {}, u: {}} # two\n", rich, where + "tenants: {t: {}, u: {}, " + richFlow + "} # two\n"},
		{"flow with a comma", where + "tenants: {a: {},}\n", plain, where + "tenants: {a: {}, new: {},}\n"},
		{"flow on lines", where + "tenants: {\n  a: {},\n  b: {} # b\n  # end\n}\n", plain, where + "tenants: {\n  a: {},\n  b: {}, # b\n  new: {}\n  # end\n}\n"},
		{"flow on lines with a comma", where + "tenants: {\n  a: {}, # a\n}\n", plain, where + "tenants: {\n  a: {}, # a\n  new: {},\n}\n"},
		{"flow on lines, closed at once", where + "tenants: {\n  a: {},\n  b: {}}\n", plain, where + "tenants: {\n  a: {},\n  b: {},\n  new: {}}\n"},
		{"JSON", `{"servers": {"main": {"connection": "host=/run"}}, "tenants": {"a": {}}}`, Add(TenantEntry{"new", []KeyValue{kv("owner", "x"), kv("temp", "true")}}),
			`{"servers": {"main": {"connection": "host=/run"}}, "tenants": {"a": {}, "new": {"owner": "x", "temp": true}}}`},
		{"JSON without tenants", `{"servers": {"main": {"connection": "host=/run"}}}`, plain, `{"servers": {"main": {"connection": "host=/run"}}, "tenants": {"new": {}}}`},
		{"anchor", where + "tenants: &t # all\n  acme: &a {temp: false}\n  bolt: *a\n", plain, where + "tenants: &t # all\n  acme: &a {temp: false}\n  bolt: *a\n  new: {}\n"},
		{"merge", "defaults: &d {}\n" + where + "tenants:\n  <<: *d\n  acme: {}\n", plain, "defaults: &d {}\n" + where + "tenants:\n  <<: *d\n  acme: {}\n  new: {}\n"},
		{"alias", "defaults: &d {}\n" + where + "tenants: *d\n", plain, "defaults: &d {}\n" + where + "tenants: {<<: *d, new: {}}\n"},
		{"names that YAML takes", where + "tenants:\n  'no': {}\n", Add(TenantEntry{"y", []KeyValue{kv("owner", "null"), kv("settings.a", "1")}}),
			where + "tenants:\n  'no': {}\n  \"y\":\n    owner: \"null\"\n    settings:\n      a: 1\n"},
		{"document start", "---\n# x\n" + where + "tenants:\n  acme: {}\n", plain, "---\n# x\n" + where + "tenants:\n  acme: {}\n  new: {}\n"},
		{"hostile values", where + "tenants:\n  acme:\n    settings: {a.a: \"# }\", b.b: it's, c.c: 'x'' #'}\n    owner: >-\n      a\n\n      b\n  bolt:\n    owner: 'a\n     b'\n", plain,
			where + "tenants:\n  acme:\n    settings: {a.a: \"# }\", b.b: it's, c.c: 'x'' #'}\n    owner: >-\n      a\n\n      b\n  bolt:\n    owner: 'a\n     b'\n  new: {}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := edited(t, tt.text, tt.change)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"first", where + "tenants:\n  acme:\n    temp: true\n  bolt: {}\n", where + "tenants:\n  bolt: {}\n"},
		{"last", where + "tenants:\n  bolt: {}\n  acme: {}\n", where + "tenants:\n  bolt: {}\n"},
		{"only", where + "tenants:\n  acme: {}\n", where + "tenants:\n"},
		{"no newline at the end", where + "tenants:\n  bolt: {}\n  acme: {}", where + "tenants:\n  bolt: {}\n"},
		{"remarks", where + "tenants:\n  # all\n\n    # deep\n  # pays late\n  # very late\n  acme: # x\n    temp: true # y\n    # inside\n\n    # inside\n\n  # bolt's\n  bolt: {}\n",
			where + "tenants:\n  # all\n\n    # deep\n\n  # bolt's\n  bolt: {}\n"},
		{"column 0", where + "tenants:\n# all\n  acme: {}\n# rest\n", where + "tenants:\n# all\n# rest\n"},
		{"CRLF", where + "tenants:\r\n  # x\r\n  acme:\r\n    temp: true\r\n  bolt: {}\r\n", where + "tenants:\r\n  bolt: {}\r\n"},
		{"flow first", where + "tenants: {acme: {}, bolt: {}}\n", where + "tenants: {bolt: {}}\n"},
		{"flow middle", where + "tenants: {a: , acme: {x: 1}, bolt: {}}\n", ""},
		{"flow last", where + "tenants: {bolt: {}, acme: {temp: true}} # x\n", where + "tenants: {bolt: {}} # x\n"},
		{"flow only", where + "tenants: {acme: {},}\n", where + "tenants: {}\n"},
		{"flow on lines", where + "tenants: {\n  a: {}, # a\n  # late\n  acme: {}, # acme\n  b: {}\n}\n", where + "tenants: {\n  a: {}, # a\n  b: {}\n}\n"},
		{"flow on lines last", where + "tenants: {\n  a: {}, # a\n  # late\n  acme: {} # acme\n}\n", where + "tenants: {\n  a: {} # a\n}\n"},
		{"flow on lines closed", where + "tenants: {\n  a: {},\n  acme: {}}\n", where + "tenants: {\n  a: {}\n  }\n"},
		{"quoted", where + "tenants:\n  'acme' : {}\n  \"b\": {}\n", where + "tenants:\n  \"b\": {}\n"},
		{"text block", where + "tenants:\n  acme:\n    owner: |-\n      # x\n\n      y\n  b: {}\n", where + "tenants:\n  b: {}\n"},
		{"anchor nobody uses", where + "tenants:\n  acme: &a\n    temp: true\n  b: {}\n", where + "tenants:\n  b: {}\n"},
		{"alias", where + "tenants:\n  b: &a {}\n  acme: *a\n", where + "tenants:\n  b: &a {}\n"},
		{"list in its column", where + "tenants:\n  acme:\n    schemas:\n    - a\n    - b\n  b: {}\n", where + "tenants:\n  b: {}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				tt.text, tt.want = where+"tenants: {a: , acme: {temp: true}, bolt: {}}\n", where+"tenants: {a: , bolt: {}}\n"
			}
			got := edited(t, tt.text, Remove("acme"))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestSetAndUnset(t *testing.T) {
	suspend, resume := Set("acme", "suspended", "true"), Unset("acme", "suspended")
	five := Set("acme", "limits.connections", "5")
	tests := []struct {
		name, text string
		change     Change
		want       string
	}{
		{"nothing", "  acme:\n  b:\n", suspend, "  acme: {suspended: true}\n  b:\n"},
		{"nothing with a remark", "  acme: # x\n", suspend, "  acme: {suspended: true} # x\n"},
		{"null", "  acme: null # x\n", suspend, "  acme: {suspended: true} # x\n"},
		{"empty", "  acme: {}\n", suspend, "  acme: {suspended: true}\n"},
		{"flow", "  acme: {temp: true} # x\n", suspend, "  acme: {temp: true, suspended: true} # x\n"},
		{"flow null", "  acme: {limits:, temp: true}\n", five, "  acme: {limits: {connections: 5}, temp: true}\n"},
		{"flow below", "  acme:\n    {temp: true}\n", suspend, "  acme:\n    {temp: true, suspended: true}\n"},
		{"block", "  acme:\n      temp: true # x\n      # y\n  b:\n", suspend, "  acme:\n      temp: true # x\n      suspended: true\n      # y\n  b:\n"},
		{"nested", "  acme:\n    temp: true\n", five, "  acme:\n    temp: true\n    limits:\n      connections: 5\n"},
		{"nested there", "  acme:\n    limits: # x\n      connections: 20 # y\n      work_mem: 1MB\n", five, "  acme:\n    limits: # x\n      connections: 5 # y\n      work_mem: 1MB\n"},
		{"nested other", "  acme:\n    limits: {work_mem: 1MB}\n    temp: true\n", five, "  acme:\n    limits: {work_mem: 1MB, connections: 5}\n    temp: true\n"},
		{"replaced", "  acme:\n    suspended:   false   # x\n", suspend, "  acme:\n    suspended:   true   # x\n"},
		{"there", "  acme: {suspended: True}\n", Set("acme", "temp", "false"), "  acme: {suspended: True, temp: false}\n"},
		{"quotes", "  acme: {owner: 'it''s', database: \"x\"}\n", Set("acme", "owner", "o"), "  acme: {owner: 'o', database: \"x\"}\n"},
		{"double quotes", "  acme: {owner: 'it''s', database: \"x\"}\n", Set("acme", "database", `d"y`), "  acme: {owner: 'it''s', database: \"d\\\"y\"}\n"},
		{"list on lines", "  acme:\n    schemas: # two\n      - a\n      # and\n      - b\n    temp: true\n", Set("acme", "schemas", "c", "d"), "  acme:\n    schemas: [c, d] # two\n    temp: true\n"},
		{"text block", "  acme:\n    owner: >-\n      a\n      b\n    temp: true\n", Set("acme", "owner", "c"), "  acme:\n    owner: c\n    temp: true\n"},
		{"plain text on lines", "  acme:\n    owner: a\n      b # x\n    temp: true\n", Set("acme", "owner", "c"), "  acme:\n    owner: c # x\n    temp: true\n"},
		{"setting", "  acme: {}\n", Set("acme", "settings.app.x", "1.5"), "  acme: {settings: {app.x: \"1.5\"}}\n"},
		{"alias", "  b: &b {temp: false}\n  acme: *b # x\n", suspend, "  b: &b {temp: false}\n  acme: {<<: *b, suspended: true} # x\n"},
		{"over a merged key", "  b: &b {temp: false}\n  acme:\n    <<: *b\n", Set("acme", "temp", "true"), "  b: &b {temp: false}\n  acme:\n    <<: *b\n    temp: true\n"},
		{"merged key", "  b: &b {suspended: true}\n  acme: {<<: *b}\n", suspend, "  b: &b {suspended: true}\n  acme: {<<: *b}\n"},
		{"resume block", "  acme:\n    temp: true\n    # why\n    suspended: true # since May\n    # end\n", resume, "  acme:\n    temp: true\n    # why\n    # end\n"},
		{"resume block only", "  acme:\n    suspended: true\n", resume, "  acme:\n"},
		{"resume flow", "  acme: {suspended: true, temp: true}\n", resume, "  acme: {temp: true}\n"},
		{"resume flow only", "  acme: {suspended: true}\n", resume, "  acme: {}\n"},
		{"resume what is not suspended", "  acme: {}\n", resume, "  acme: {}\n"},
		{"unset a limit", "  acme:\n    limits:\n      connections: 3\n      work_mem: 1MB\n", Unset("acme", "limits.connections"), "  acme:\n    limits:\n      work_mem: 1MB\n"},
		{"unset all limits", "  acme:\n    limits:\n      connections: 3\n      # x\n    # y\n", Unset("acme", "limits"), "  acme:\n    # y\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := edited(t, head+tt.text, tt.change)
			if diff := cmp.Diff(head+tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name, text string
		change     Change
		want       string
		is         error
	}{
		{"unknown", "  acme: {}\n", Remove("acne"), `remove tenant acne: the file has no tenant of that name; did you mean "acme"?`, ErrUnknownTenant},
		{"unknown to set", "", Set("acme", "temp", "true"), "set temp of tenant acme: the file has no tenant of that name", ErrUnknownTenant},
		{"conflict", "  acme: {isolation: schema, temp: true}\n", Add(TenantEntry{"acme", []KeyValue{kv("temp", "true"), kv("isolation", "database"), kv("owner", "x")}}),
			"add tenant acme: it is there already (line 5), and not with this isolation, owner", ErrConflict},
		{"name", "", Add(TenantEntry{Name: "Acme"}), `add tenant Acme: tenants.Acme: "Acme" is no tenant name: a lower-case letter first, then lower-case letters, digits and underscores`, nil},
		{"key", "", Add(TenantEntry{"acme", []KeyValue{kv("isolatoin", "schema")}}), `add tenant acme: tenants.acme.isolatoin: unknown key; did you mean "isolation"?`, nil},
		{"value", "  acme:\n", Set("acme", "isolation", "databse"), `set isolation of tenant acme: tenants.acme.isolation: "databse" is none of schema, database, cluster; did you mean "database"?`, nil},
		{"no value", "  acme:\n", Set("acme", "isolation"), `set isolation of tenant acme: tenants.acme.isolation: wants text, found a list`, nil},
		{"profile", "profiles: {small: }\n", Add(TenantEntry{"acme", []KeyValue{kv("profile", "smal")}}), `add tenant acme: tenants.acme.profile: no profile "smal" stands under profiles; did you mean "small"?`, nil},
		{"collision", "  acme: {}\n", Add(TenantEntry{"acme_app", []KeyValue{kv("isolation", "schema")}}), `add tenant acme_app: tenants.acme_app: "acme_app" is both a login of tenant acme and the identity of tenant acme_app: a role can belong to one of them only (line 5)`, nil},
		{"anchor", "  acme: &a {}\n  bolt: *a\n", Set("acme", "temp", "false"), "set temp of tenant acme: it would change bolt as well, by an anchor that they share: change it by hand", nil},
		{"anchor removed", "  acme: &a {}\n  bolt: *a\n", Remove("acme"), "remove tenant acme: tenants: no anchor &a stands above this alias", nil},
		{"merged", "  acme: &a {temp: false}\n  bolt:\n    <<: *a\n", Unset("bolt", "temp"), "unset temp of tenant bolt: its entry is written in a way that landlord cannot change in place (an alias, a merge key or rare YAML): change it by hand", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Edit("f", []byte(head+tt.text), tt.change)
			e, ok := errors.AsType[*EditError](err)
			if !ok {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff("f: cannot "+tt.want, e.Error()); diff != "" || !errors.Is(err, tt.is) && tt.is != nil {
				t.Errorf("%v (-want +got)\n%s", e.Err, diff)
			}
		})
	}
	if _, err := Edit("f", []byte("tenants: {a: {tmep: 1}}\n"), Add(TenantEntry{Name: "x"})); err == nil {
		t.Error("a file with mistakes is edited")
	} else if _, ok := errors.AsType[*Errors](err); !ok {
		t.Errorf("%T", err)
	}
}
