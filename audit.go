package landlord

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"

	"landlord/internal/audit"
	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/paste"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// Audit judges a server from what is known of it. The time is the caller's to
// set.
func Audit(in audit.Input) audit.Report { return audit.Judge(in) }

// AuditSnapshot is what Audit judges of a snapshot: its own pg_hba.conf, and
// what the spec says of the server, where there is one.
func AuditSnapshot(name string, s snapshot.Snapshot, e tenant.Estate, server string) audit.Input {
	in := audit.Input{Name: name, Snapshot: s, Server: server, Tenants: e.On(server), Policy: audit.Policy{Expiry: e.Audit.RequireExpiry, Waivers: waivers(e, server), Others: len(e.Servers) > 1}}
	if known, ok := e.Server(server); ok {
		in.Operators = slices.Clone(known.Operators)
		for _, a := range known.Admins {
			in.Operators = append(in.Operators, a.Name)
		}
	} else {
		in.Operators = markedAdmins(s)
	}
	if s.HBA != nil && s.HBA.Error == "" {
		in.HBA = hba.Parse(s.HBA.Path, []byte(s.HBA.Text), includes(s))
		if i := s.HBA.Ident; i != nil && i.Error == "" {
			in.Ident = hba.ParseIdent(i.Path, []byte(i.Text), includes(s))
		}
	}
	return in
}

// markedAdmins are the administrators that the catalog says landlord has made.
func markedAdmins(s snapshot.Snapshot) []string {
	var names []string
	for _, r := range s.Roles {
		if m, ok := isolation.ParseMark(r.Comment); ok && m.IsAdmin() {
			names = append(names, r.Name)
		}
	}
	return names
}

// AuditText is what Audit judges of a text that somebody pasted. The version
// is what the text does not tell; 0 where nobody knows.
func AuditText(text paste.Result, version pgsql.Version) audit.Input {
	in := audit.Input{Name: text.Name, Snapshot: text.Snapshot, Pasted: true, File: text.Name, Lines: text.Lines, NoMinor: !text.MinorKnown}
	if version != 0 {
		in.Snapshot.Version, in.NoMinor = version, version.Minor() == 0 || version < 100000
	} else if text.VersionLine > 0 {
		in.Lines[snapshot.Object{Kind: "server"}] = text.VersionLine
	}
	if text.HBA != "" {
		in.HBA = AuditHBA(in, text.Name, []byte(text.HBA), hba.Options{})
	}
	return in
}

// AuditHBA reads a pg_hba.conf by the rules of the server that is judged. The
// options say how what it includes is read.
func AuditHBA(in audit.Input, name string, text []byte, o hba.Options) *hba.File {
	return hba.Parse(name, text, judgedBy(in, o))
}

// AuditIdent reads a pg_ident.conf so.
func AuditIdent(in audit.Input, name string, text []byte, o hba.Options) *hba.IdentFile {
	return hba.ParseIdent(name, text, judgedBy(in, o))
}

func judgedBy(in audit.Input, o hba.Options) hba.Options {
	if v := in.Snapshot.Version; v != 0 {
		o.Major = v.Major()
	}
	return o
}

// includes reads the files that a snapshot's pg_hba.conf includes out of the
// snapshot.
func includes(s snapshot.Snapshot) hba.Options {
	at := func(name string) (snapshot.File, bool) {
		i := slices.IndexFunc(s.HBA.Included, func(f snapshot.File) bool { return f.Path == name })
		if i < 0 || s.HBA.Included[i].Error != "" {
			return snapshot.File{}, false
		}
		return s.HBA.Included[i], true
	}
	return hba.Options{
		Major: s.Version.Major(),
		Read: func(name string) ([]byte, error) {
			f, ok := at(name)
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			}
			return bytes.Clone([]byte(f.Text)), nil
		},
		ReadDir: func(dir string) ([]string, error) {
			var names []string
			for _, f := range s.HBA.Included {
				if path.Dir(f.Path) == strings.TrimSuffix(dir, "/") {
					names = append(names, path.Base(f.Path))
				}
			}
			return names, nil
		},
	}
}
