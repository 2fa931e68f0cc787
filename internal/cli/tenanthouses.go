package cli

import (
	"fmt"
	"slices"

	"landlord"
	"landlord/internal/tenant"
	"landlord/internal/term"
)

// totals are what several tenants have together.
type totals struct {
	house                        string
	tenants, suspended, sessions int
	bytes                        int64 // of those whose size is known
	unknown                      int   // tenants whose size is not
}

// sum adds tenants up.
func sum(house string, all []landlord.Status) totals {
	t := totals{house: house, tenants: len(all)}
	for _, s := range all {
		t.sessions += s.Sessions
		if s.Suspended {
			t.suspended++
		}
		if s.Bytes < 0 {
			t.unknown++
		} else {
			t.bytes += s.Bytes
		}
	}
	return t
}

// String is the line under a list.
func (t totals) String() string {
	out := term.Count(t.tenants, "tenant")
	if t.tenants == 0 {
		return out
	}
	out += fmt.Sprintf(": %s, %s now", t.size(), term.Count(t.sessions, "connection"))
	if t.suspended > 0 {
		out += fmt.Sprintf(", %d suspended", t.suspended)
	}
	return out
}

func (t totals) size() string {
	switch {
	case t.unknown == t.tenants:
		return "?"
	case t.unknown > 0:
		return fmt.Sprintf("%s and %d of unknown size", term.Bytes(t.bytes), t.unknown)
	}
	return term.Bytes(t.bytes)
}

// asOne is the totals in place of one tenant, for the orders of a list.
func (t totals) asOne() landlord.Status {
	return landlord.Status{Name: t.house, Database: t.house, Bytes: t.bytes, Sessions: t.sessions}
}

// listHouses lists databases with what their tenants have together. Of those
// that are one tenant's own there are as many as tenants: they are one line.
func (a *app) listHouses(all []landlord.Status, total totals, f listFlags, order func(a, b landlord.Status) int) error {
	const own = "databases of their own"
	in := map[string][]landlord.Status{}
	for _, s := range all {
		house := own
		if s.Isolation == tenant.Schema {
			house = s.Database
		}
		in[house] = append(in[house], s)
	}
	var houses []totals
	for house, tenants := range in {
		houses = append(houses, sum(house, tenants))
	}
	slices.SortFunc(houses, func(a, b totals) int {
		if c := order(a.asOne(), b.asOne()); c != 0 {
			return c
		}
		return orders["name"](a.asOne(), b.asOne())
	})
	n := len(houses)
	houses = houses[:f.first(n)]
	if a.output == "json" {
		rows := []map[string]any{}
		for _, h := range houses {
			rows = append(rows, map[string]any{"house": h.house, "tenants": h.tenants, "suspended": h.suspended, "sessions": h.sessions, "bytes": h.bytes})
		}
		return a.json(map[string]any{"houses": rows})
	}
	t := term.Table{Head: []string{"house", "tenants", "size", "connections", "suspended"}, Right: []int{1, 2, 3, 4}}
	for _, h := range houses {
		t.Rows = append(t.Rows, []term.Cell{term.Toned(term.Strong, h.house), term.Text(fmt.Sprint(h.tenants)), term.Text(h.size()),
			term.Text(fmt.Sprint(h.sessions)), term.Text(fmt.Sprint(h.suspended))})
	}
	_, err := fmt.Fprintf(a.Out, "%s%s%s\n", a.outLook().Table(t), shown(len(houses), n), total)
	return err
}
