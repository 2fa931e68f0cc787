package report

import (
	"cmp"
	"fmt"
	"slices"

	"landlord/internal/snapshot"
)

// Merge makes one model of several servers', each drawn by itself before: no
// way that catalogs know of leads from one server to another. Names say which server
// they are of; missing are servers of which nothing is known.
func Merge(list []Model, missing []snapshot.Missing) Model {
	m := Model{Name: fmt.Sprintf("%d servers", len(list)+len(missing)), Missing: missing,
		Tenants: []Tenant{}, Databases: []Database{}, Roles: []Role{}, Members: [][3]int{}, Ways: []Way{}, Findings: []Finding{}, Unknown: []NotKnown{}}
	for i, one := range list {
		m.add(one, i)
	}
	m.sortWays()
	slices.SortStableFunc(m.Findings, func(x, y Finding) int { return cmp.Compare(x.Severity, y.Severity) })
	return m
}

// add puts a server beside the others. Places in its lists become places in the
// lists of all.
func (m *Model) add(one Model, server int) {
	tenants, databases, roles := len(m.Tenants), len(m.Databases), len(m.Roles)
	of := func(name string) string { return name + " on " + one.Name }
	tenant := func(at int) int {
		if at < 0 { // nobody's, or everybody's
			return at
		}
		return at + tenants
	}
	for _, t := range one.Tenants {
		if t.Server = server; t.Name != one.Name { // a tenant's own server has its name
			t.Name = of(t.Name)
		}
		t.Cells = slices.Clone(t.Cells)
		for i := range t.Cells {
			t.Cells[i][0] += databases
		}
		m.Tenants = append(m.Tenants, t)
	}
	for _, d := range one.Databases {
		d.Name, d.Server = of(d.Name), server
		m.Databases = append(m.Databases, d)
	}
	for _, r := range one.Roles {
		r.Name, r.Tenant = of(r.Name), tenant(r.Tenant)
		m.Roles = append(m.Roles, r)
	}
	for _, x := range one.Members {
		m.Members = append(m.Members, [3]int{x[0] + roles, x[1] + roles, x[2]})
	}
	for _, w := range one.Ways {
		w.From, w.To, w.Login = tenant(w.From), tenant(w.To), of(w.Login)
		m.Ways = append(m.Ways, w)
	}
	for _, n := range one.Unknown {
		n.What = of(n.What)
		m.Unknown = append(m.Unknown, n)
	}
	m.Findings = append(m.Findings, one.Findings...)
	m.Certain += one.Certain
	m.Possible += one.Possible
}
