// Package converge_test holds landlord's promise as properties: whatever the
// spec and whatever somebody has done by hand, apply ends in the specified
// state, as the server itself sees it, and the next plan is empty.
package converge_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"landlord/internal/tenant"
)

// gen draws everything random from one seed.
type gen struct {
	*rand.Rand
	serial int
}

func newGen(seed uint64) *gen { return &gen{Rand: rand.New(rand.NewPCG(seed, 0x6c616e646c6f7264))} }

func (g *gen) chance(percent int) bool { return g.IntN(100) < percent }

func pick[T any](g *gen, list []T) T { return list[g.IntN(len(list))] }

// some draws up to n different elements.
func some[T any](g *gen, n int, list []T) []T {
	var out []T
	for _, i := range g.Perm(len(list))[:min(n, len(list))] {
		out = append(out, list[i])
	}
	return out
}

// nasty are pieces that break a program which quotes by hand.
var nasty = []string{
	`"`, `""`, `'`, `''`, `\`, `\\`, `$$`, `$x$`, `;`, `--`, `/*`, ` `, `  `, "\t", "\n", "\r\n", `%s`, `%I`, `{}`, `{`, `,`, `=`, `/`, `*`, `+`,
	`:x`, `:'x'`, `:"x"`, "`id`", `(`, `)`, `.`, `ä`, `日本`, `🏠`, "\u2028", `A`, `PUBLIC`, `all`, `\n`, `\q`, `&`, `|`, `#`, "\x01", "\x7f", `E'`, `U&"`,
}

// name draws a name that is not used yet: plain, or as hostile as PostgreSQL
// allows, sometimes of exactly 63 bytes. Pieces in without never occur.
func (g *gen) name(prefix string, without ...string) string {
	g.serial++
	name := fmt.Sprintf("%s%d", prefix, g.serial)
	if g.chance(40) {
		return name
	}
	for range 1 + g.IntN(6) {
		piece := pick(g, nasty)
		for _, w := range without {
			piece = strings.ReplaceAll(piece, w, "_")
		}
		if len(name)+len(piece) <= tenant.MaxIdentifier {
			name += piece
		}
	}
	if g.chance(20) {
		name += strings.Repeat("x", tenant.MaxIdentifier-len(name))
	}
	if !utf8.ValidString(name) {
		panic("a name is not UTF-8")
	}
	return name
}

// roleOr draws a hostile role name, or the default.
func (g *gen) roleOr(usual string) string {
	if g.chance(60) {
		return usual
	}
	return g.name("r")
}

// estate draws a spec without collisions.
func (g *gen) estate(connection string) tenant.Estate {
	for {
		e := tenant.Estate{Servers: []tenant.Server{{Name: "main", Connection: connection}}}
		// pg_hba.conf cannot hold the end of a line.
		shared := []string{g.name("shared", "\n", "\r"), g.name("shared", "\n", "\r")}
		for i := range 1 + g.IntN(5) {
			e.Tenants = append(e.Tenants, g.tenant(fmt.Sprintf("t%d", i+1), shared))
		}
		if len(tenant.Collisions(e)) == 0 {
			return e
		}
	}
}

func (g *gen) tenant(name string, shared []string) tenant.Tenant {
	t := tenant.Tenant{
		Name: name, Server: "main", Isolation: pick(g, []tenant.Model{tenant.Schema, tenant.Database}), Owner: g.roleOr(tenant.DefaultOwner(name)),
		Rights: pick(g, tenant.AllRights()), Temp: g.chance(70), Limits: g.limits(), Home: tenant.Place{Schemas: []string{name}},
	}
	t.Home.Database = name
	if t.Isolation == tenant.Schema {
		t.Home.Database = pick(g, shared)
	} else if g.chance(40) {
		t.Home.Database = g.name("d", "\n", "\r")
	}
	if g.chance(50) {
		t.Home.Schemas = nil
		for range 1 + g.IntN(3) {
			t.Home.Schemas = append(t.Home.Schemas, g.name("s"))
		}
	}
	for _, l := range tenant.DefaultLogins(name, t.Rights) {
		t.Logins = append(t.Logins, tenant.Login{Name: g.roleOr(l.Name), Kind: l.Kind})
		if g.chance(25) {
			t.Logins = append(t.Logins, tenant.Login{Name: g.name("l"), Kind: l.Kind})
		}
	}
	if g.chance(25) {
		t.Logins[g.IntN(len(t.Logins))].Connections = pick(g, []int{-1, 1, 7})
	}
	if g.chance(40) {
		t.Settings = g.settings()
	}
	if g.chance(40) {
		g.further(&t)
	}
	return t
}

// further gives a tenant further databases, some of them named as one of its
// roles.
func (g *gen) further(t *tenant.Tenant) {
	for range 1 + g.IntN(2) {
		p := tenant.Place{Database: g.name("f", "\n", "\r"), Schemas: []string{t.Name}}
		if role := pick(g, append(t.LoginRoles(), t.Name, t.Owner)); g.chance(25) && !strings.ContainsAny(role, "\r\n") {
			p.Database = role
		}
		if g.chance(50) {
			p.Schemas = []string{g.name("s"), g.name("s")}
		}
		*t = t.WithPlace(p)
	}
}

func (g *gen) limits() tenant.Limits {
	l := tenant.Limits{}
	for _, set := range some(g, g.IntN(7), []func(){
		func() { l.Connections = 1 + g.IntN(50) },
		func() { l.TempFiles = int64(1+g.IntN(4096)) << pick(g, []int{10, 20}) },
		func() { l.StatementTimeout = time.Duration(1+g.IntN(100000)) * time.Millisecond },
		func() { l.LockTimeout = time.Duration(1+g.IntN(120)) * time.Second },
		func() { l.IdleTransaction = time.Duration(1+g.IntN(48)) * time.Hour },
		func() { l.WorkMem = int64(64+g.IntN(4096)) << 10 },
	}) {
		set()
	}
	return l
}

// settings draws parameters, sorted by name.
func (g *gen) settings() []tenant.Setting {
	return []tenant.Setting{
		{Name: "DateStyle", Value: pick(g, []string{"ISO, DMY", "German"})},
		{Name: "TimeZone", Value: "Europe/Berlin"},
		{Name: "app.greeting", Value: g.name("it's \\ \"")},
		{Name: "temp_tablespaces", Value: ""},
	}[g.IntN(2) : 2+g.IntN(2)]
}
