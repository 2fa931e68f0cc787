package audit

import "landlord/internal/snapshot"

// unread is what is not known of a snapshot, and why, to be asked of every
// rule and every database: see [snapshot.Snapshot.WhyUnread].
type unread struct {
	parts    map[unreadPart]string
	contents map[string]string // why nothing is known of a database that was looked into, or ""
}

type unreadPart struct {
	database string
	part     snapshot.Part
}

func whyUnread(s snapshot.Snapshot) unread {
	u := unread{map[unreadPart]string{}, map[string]string{}}
	for _, x := range s.Unread {
		if at := (unreadPart{x.Database, x.Part}); u.parts[at] == "" {
			u.parts[at] = x.Reason
		}
	}
	for _, c := range s.Contents {
		if _, ok := u.contents[c.Database]; !ok {
			u.contents[c.Database] = c.Error
		}
	}
	return u
}

// why is why a part of the server ("") or of a database is not known, or "".
func (u unread) why(database string, p snapshot.Part) string {
	reason := u.parts[unreadPart{"", p}]
	if database == "" || reason != "" {
		return reason
	}
	for _, at := range []unreadPart{{database, p}, {database, snapshot.PartContents}, {"", snapshot.PartContents}} {
		if reason := u.parts[at]; reason != "" {
			return reason
		}
	}
	reason, looked := u.contents[database]
	if !looked {
		return "nobody looked into the database"
	}
	return reason
}

func (u unread) knows(database string, p snapshot.Part) bool { return u.why(database, p) == "" }
