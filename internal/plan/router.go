package plan

import (
	"fmt"
	"slices"

	"landlord/internal/hba"
	"landlord/internal/isolation"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
	"landlord/internal/tenant"
)

// foundRouter is what a server knows of the router: its login, and in
// pg_ident.conf the operating system's user who comes as it.
func foundRouter(d tenant.RouterDoor, snap snapshot.Snapshot) tenant.RouterDoor {
	d.Lookup = slices.ContainsFunc(snap.Roles, isRouter)
	if d.Lookup && d.User == "" && snap.HBA != nil && snap.HBA.Ident != nil {
		d.User = hba.IdentUser(snap.HBA.Ident.Text)
	}
	return d
}

func isRouter(r snapshot.Role) bool {
	m, ok := isolation.ParseMark(r.Comment)
	return ok && m.IsRouter() && r.Name == tenant.RouterRole
}

// looksUp says whether the router asks this server for verifiers, and can.
func (b *builder) looksUp() bool { return b.in.Server.Router.Lookup && b.superuser() }

// indexRouter notes the router's login as one that is kept out of all that is
// not its own.
func (x *index) indexRouter(in Input) {
	if in.Server.Router.Lookup || slices.ContainsFunc(in.Snapshot.Roles, isRouter) {
		x.owner[tenant.RouterRole], x.wanted[pooled+tenant.RouterRole] = pooled+tenant.RouterRole, len(in.Only) == 0
	}
}

// router makes or mends the router's login; it is let in when the walls stand.
func (b *builder) router(u unit) {
	switch {
	case b.looksUp():
		u.role(isolation.Router())
		u.settings(isolation.Router())
	case b.in.Server.Router.Lookup:
		b.cannot("", "the router cannot look up verifiers here: only a superuser makes a function that reads them",
			"have a superuser apply, or leave this server's tenants outside of the router")
	}
}

func (b *builder) openRouter() {
	if b.looksUp() {
		unit{b: b, phase: Houses, group: "router"}.open([]isolation.Role{isolation.Router()})
	}
}

// dropRouter takes the router's login away where the spec has no router, or one
// that asks nobody. What it holds in the tenants' databases has gone by then.
func (b *builder) dropRouter() {
	r := b.roles[tenant.RouterRole]
	if b.in.Server.Router.Lookup || len(b.in.Only) > 0 || r == nil || !isRouter(*r) {
		return
	}
	u := unit{b: b, phase: Removal, group: "router"}
	u.shut("the spec has no router that looks up verifiers: its login goes", []string{r.Name})
	for _, d := range b.snap.Databases { // where it has something is not read for this alone
		if d.AllowConn && !slices.ContainsFunc(b.containers, func(c isolation.Container) bool { return c.Database == d.Name }) {
			u.in(d.Name).takeOver("what the router's login has where no tenant lives any more", []string{r.Name})
		}
	}
	u.do("the router's login has nothing left", Access, "DROP ROLE "+pgsql.Ident(r.Name))
}

// lookup makes or mends, in a tenant's database, the function by which the
// router looks up verifiers, or drops it.
func (u unit) lookup(in *inside) {
	name := "FUNCTION " + pgsql.Ident(tenant.PoolSchema) + `."lookup"(pg_catalog.text)`
	have := landlordsFunction(in, isolation.LookupSignature)
	if !u.b.looksUp() {
		if have != nil && u.b.superuser() {
			u.do("no router looks up verifiers here", Access, "DROP "+name)
		}
		return
	}
	grants := []isolation.Grant{{Grantee: tenant.RouterRole, Privs: pgsql.Execute}}
	sql := []string{isolation.Lookup(), "REVOKE ALL ON " + name + " FROM PUBLIC"}
	why, d := "function "+isolation.LookupSignature+" is missing, by which the router looks up verifiers", Safe
	if have != nil {
		owner := u.b.roles[have.Owner]
		if have.Form == isolation.LookupForm() && owner != nil && owner.Superuser {
			u.setACL("who may call the router's function", name, pgsql.Routine, have.Owner, have.ACL, grants)
			return
		}
		why, d, sql = "function "+isolation.LookupSignature+" is not what landlord has made", Access, append([]string{"DROP " + name}, sql...)
	}
	for _, g := range grants {
		sql = append(sql, change{grant: true, privs: g.Privs, grantee: g.Grantee}.sql(name))
	}
	u.do(why, d, sql...)
}

func landlordsFunction(in *inside, signature string) *snapshot.Routine {
	for i, r := range in.routines[tenant.PoolSchema] {
		if r.Signature == signature {
			return &in.routines[tenant.PoolSchema][i]
		}
	}
	return nil
}

// identChange says what becomes of landlord's block in pg_ident.conf, or nil.
func identChange(server tenant.Server, snap snapshot.Snapshot) (*HBAChange, error) {
	user := ""
	if server.Router.Lookup {
		user = server.Router.User
	}
	ident := snap.HBA.Ident
	switch {
	case ident == nil && user == "":
		return nil, nil
	case ident == nil || ident.Error != "":
		return nil, fmt.Errorf("pg_ident.conf cannot be read, by which the router's user %s comes in", user)
	}
	after, err := hba.SpliceIdent(ident.Text, user, tenant.RouterRole)
	if err != nil || after == ident.Text {
		return nil, err
	}
	return &HBAChange{Path: ident.Path, Before: ident.Text, After: after}, nil
}
