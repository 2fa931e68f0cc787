package plan

import (
	"fmt"

	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// What a tenant has made outside of its house may be a trap for whoever owns
// it next: a SECURITY DEFINER function runs as its owner, and so do a view, a
// foreign key's cascades with the triggers that they fire, and the expression
// of an index when autovacuum analyzes the table. A trigger in the tenant's own
// house goes on calling such a function, since nobody is asked for EXECUTE
// when it fires. So nothing of this goes to a superuser.

// nobody makes sure of the role that may own such things, since it may do
// nothing. What belongs to it is nobody's any more.
func (b *builder) nobody() string {
	if b.roles[tenant.LostRole] == nil {
		u := unit{b: b, phase: Ground, group: "server"}
		u.do("role "+tenant.LostRole+" is missing", Safe, u.create(isolation.Lost())...)
		b.roles[tenant.LostRole] = &snapshot.Role{Name: tenant.LostRole, Inherit: true, ConnLimit: -1, Comment: isolation.Lost().Mark.Comment()}
	}
	return tenant.LostRole
}

// lose takes an object over that a tenant owns outside of its house. Who is no
// superuser could only take it over for itself, and lets it be.
func (u unit) lose(what, object, from string) bool {
	if !u.b.superuser() {
		u.b.stands(u.b.owner[from], fmt.Sprintf("%s belongs to %s", what, from), "have a superuser apply once")
		return false
	}
	return u.alterOwner(what, object, from, u.b.nobody())
}

// tame has a function that another tenant has made, or may have, run as its
// caller before somebody else owns it. Until then its maker can still turn it
// into a SECURITY DEFINER function, and so it is not asked whether it is one.
func (u unit) tame(o object, maker string) (tamed bool) {
	tamed = o.code && (maker != "" || o.owner == tenant.LostRole)
	if tamed {
		u.by(o.owner).do(o.name+" is not this owner's work, and must not run with its rights", Access, "ALTER "+o.word+" "+o.name+" SECURITY INVOKER")
	}
	return tamed
}

// pin has a SECURITY DEFINER function of a house look names up where its
// callers' sessions begin, whatever they set since, and in temporary schemas
// last: else the tenant's login puts a table of its own before a real one, and
// the owner's rights work on that. An honest caller finds what it found. It is
// done as the owner, who may do it by itself.
func (u unit) pin(h isolation.House, database string, o object) {
	at, ok := h.Tenant.Place(database)
	if o.routine == nil || !ok {
		return
	}
	why := o.routine.OpenPath()
	if why == "" {
		return
	}
	u.as = h.Tenant.Owner
	u.do(fmt.Sprintf("%s runs as its owner: %s", o.name, why), Access,
		"ALTER "+o.word+" "+o.name+" SET search_path = "+pgsql.Idents(o.routine.PinnedPath(h.Tenant.Path(at))...))
}

// leave says that an object is not to be touched: a function that an event
// trigger runs, as whoever changes something in the database, a superuser or
// landlord itself. It stays a superuser's, an operator's or landlord's; and while it
// is anybody else's, nothing is done at all. (Nobody calls it otherwise, whatever its ACL says.)
func (b *builder) leave(o object, database string) bool {
	if o.everybodys && !b.trusted[o.owner] {
		b.clash(b.owner[o.owner], "drop the event trigger, or read the function and give it to a superuser",
			"an event trigger in database %s runs %s as whoever changes something, superusers too, and it belongs to %s", database, o.name, o.owner)
	}
	return o.everybodys
}

// ties notes what leads from one tenant's house into another's past every
// grant. To cut it changes what queries find, and so is not done unasked.
func (u unit) ties(c *inside) {
	for _, t := range c.ties {
		from, to := u.b.livesIn(place{c.database, t.Schema}), u.b.livesIn(place{c.database, t.To})
		if from == "" || to == "" || from == to || !u.b.concernsTenant(from) && !u.b.concernsTenant(to) {
			continue
		}
		what, cut := tie(t)
		u.b.stands(from, fmt.Sprintf("%s of tenant %s and %s of tenant %s hang together: %s", t.Table, from, t.Other, to, what), "unless both want that, run: "+cut)
	}
}

// tie says what a tie does, and how to cut it.
func tie(t snapshot.Tie) (what, cut string) {
	switch t.Kind {
	case "partition":
		return "who may read or write the second, reads and writes the first", fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s", t.Other, t.Table)
	case "child":
		return "who may read or write the second, reads and writes the first", fmt.Sprintf("ALTER TABLE %s NO INHERIT %s", t.Table, t.Other)
	case "trigger":
		return fmt.Sprintf("trigger %s runs the second's code for whoever writes the first", t.Name), fmt.Sprintf("DROP TRIGGER %s ON %s", t.Name, t.Table)
	}
	return fmt.Sprintf("foreign key %s tells the first which keys the second has, and what is done to the second may be done to the first", t.Name),
		fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", t.Table, t.Name)
}

// livesIn is the tenant whose house stands in a schema, or "".
func (b *builder) livesIn(at place) string {
	if name := b.houseAt(at); name != "" {
		return name
	}
	return b.foundIn[at]
}
