package snapshot

import "slices"

// Part is a part of a snapshot that can be there or not.
type Part string

// The parts that a server has once.
const (
	PartRoles             Part = "roles"
	PartValidUntil        Part = "validUntil"
	PartConnLimits        Part = "connLimits" // of roles
	PartVerifiers         Part = "verifiers"
	PartWeakness          Part = "weakness" // whether a password is the role's name; of some roles
	PartMemberships       Part = "memberships"
	PartMembershipOptions Part = "membershipOptions"
	PartGrantors          Part = "grantors" // of memberships
	PartDatabases         Part = "databases"
	PartDatabaseACLs      Part = "databaseACLs"
	PartSettings          Part = "settings"
	PartParameters        Part = "parameters"
	PartParameterACLs     Part = "parameterACLs"
	PartTablespaces       Part = "tablespaces"
	PartSlots             Part = "slots"
	PartSubscriptions     Part = "subscriptions"
	PartAvailable         Part = "available"
	PartSessions          Part = "sessions"
	PartHBA               Part = "hba"
	PartHBAErrors         Part = "hbaErrors"
	PartIdent             Part = "ident"
)

// The parts that each database has.
const (
	PartContents      Part = "contents" // all of a database
	PartSchemas       Part = "schemas"
	PartRelations     Part = "relations"
	PartColumns       Part = "columns"
	PartRLS           Part = "rls" // whether tables have it, and whose rights views use
	PartRoutines      Part = "routines"
	PartTypes         Part = "types"
	PartOthers        Part = "others"
	PartDefaultACLs   Part = "defaultACLs"
	PartLargeObjects  Part = "largeObjects"
	PartLanguages     Part = "languages"
	PartForeign       Part = "foreign" // wrappers, servers, mappings, foreign tables
	PartMappings      Part = "mappingOptions"
	PartPolicies      Part = "policies"
	PartTriggers      Part = "triggers"
	PartEventTriggers Part = "eventTriggers"
	PartRules         Part = "rules"
	PartExtensions    Part = "extensions"
	PartPublications  Part = "publications"
	PartViews         Part = "views" // what they read
	PartSystemACLs    Part = "systemACLs"
)

// ServerParts are the parts that a server has once, for whoever makes a
// snapshot from something that holds only a few of them.
func ServerParts() []Part {
	return []Part{
		PartRoles, PartValidUntil, PartConnLimits, PartVerifiers, PartWeakness, PartMemberships, PartMembershipOptions, PartGrantors,
		PartDatabases, PartDatabaseACLs, PartSettings, PartParameters, PartParameterACLs, PartTablespaces, PartSlots,
		PartSubscriptions, PartAvailable, PartSessions, PartHBA, PartHBAErrors, PartIdent,
	}
}

// DatabaseParts are the parts that each database has, beside all of it.
func DatabaseParts() []Part {
	return []Part{
		PartSchemas, PartRelations, PartColumns, PartRLS, PartRoutines, PartTypes, PartOthers, PartDefaultACLs, PartLargeObjects,
		PartLanguages, PartForeign, PartMappings, PartPolicies, PartTriggers, PartEventTriggers, PartRules, PartExtensions,
		PartPublications, PartViews, PartSystemACLs,
	}
}

// Unread is a part that is not known, and why.
type Unread struct {
	Part Part `json:"part"`
	// Database is whose; empty: the server's, or of a database's part every
	// database's.
	Database string `json:"database,omitempty"`
	Reason   string `json:"reason"`
}

// Knows says whether the server's part was read.
func (s Snapshot) Knows(p Part) bool { return s.KnowsIn("", p) }

// KnowsIn says whether a part of a database was read. A database that is not
// among the contents was not looked into.
func (s Snapshot) KnowsIn(database string, p Part) bool { return s.WhyUnread(database, p) == "" }

// WhyUnread is why a part is not known, or "" where it is.
func (s Snapshot) WhyUnread(database string, p Part) string {
	for _, u := range s.Unread {
		if (u.Part == p || database != "" && u.Part == PartContents) && (u.Database == "" || u.Database == database) {
			return u.Reason
		}
	}
	if database == "" {
		return ""
	}
	i := slices.IndexFunc(s.Contents, func(c Contents) bool { return c.Database == database })
	if i < 0 {
		return "nobody looked into the database"
	}
	return s.Contents[i].Error
}
