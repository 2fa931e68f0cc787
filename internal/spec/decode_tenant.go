package spec

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"landlord/internal/tenant"
)

// draft is a tenant as written, before defaults are resolved.
type draft struct {
	tenant.Tenant
	profile string
	// migrates says that a login has rights: ddl of its own.
	migrates bool
	at       position // of its name
	given    []given
	moved    moved // where another entry of its like was read
	like     *like // nil for one that is read by itself
}

// given is a key that a tenant, a profile or defaults sets itself.
type given struct {
	key string // below the tenant, such as limits.connections
	at  position
}

func (t *draft) set(key string, at position) { t.given = append(t.given, given{key, at}) }

// has says whether the draft sets the key itself.
func (t *draft) has(key string) bool {
	return slices.ContainsFunc(t.given, func(g given) bool { return g.key == key })
}

// place is where the draft sets the key, or else where its name stands.
func (t *draft) place(key string) position {
	if i := slices.IndexFunc(t.given, func(g given) bool { return g.key == key }); i >= 0 {
		return t.moved.place(t.given[i].at)
	}
	return t.at
}

func (d *decoder) tenant(name, path string, at position, n *node) *draft {
	t := &draft{Tenant: tenant.Tenant{Name: name}, at: at}
	if err := tenant.CheckName(name); err != nil {
		d.errs.add(at, path, err.Error())
	}
	d.mapping(n, path, "tenants.NAME", func(key, path string, at position, v *node) {
		switch key {
		case "schema", "schemas":
			t.set(key, at)
			t.Home.Schemas = d.schemas(key, path, v)
		case "databases":
			t.set(key, at)
			d.databases(t, path, v)
		case "owner":
			t.set(key, at)
			t.Owner, _ = d.checked(v, path, tenant.CheckRole)
		case "logins":
			t.set(key, at)
			d.logins(t, path, v)
		case "adopt":
			t.Adopt, _ = d.bool(v, path)
		case "suspended":
			t.Suspended, _ = d.bool(v, path)
		default:
			d.house(t, key, path, at, v)
		}
	})
	if t.has("schema") && t.has("schemas") {
		d.errs.add(t.place("schema"), join(path, "schema"), bothSchemas)
	}
	return t
}

const bothSchemas = "schema and schemas cannot both be given: list them all under schemas"

// schemas reads one schema or several, as the key says.
func (d *decoder) schemas(key, path string, v *node) []string {
	if key == "schema" {
		if s, ok := d.checked(v, path, tenant.CheckSchema); ok {
			return []string{s}
		}
		return nil
	}
	all := d.list(v, path, tenant.CheckSchema)
	if v.kind == sequence && len(v.items) == 0 {
		d.errs.add(v.at, path, "wants at least one schema")
	}
	return all
}

// databases reads a tenant's further databases.
func (d *decoder) databases(t *draft, path string, n *node) {
	d.mapping(n, path, "tenants.NAME.databases", func(name, path string, at position, v *node) {
		t.set("databases."+name, at)
		if err := tenant.CheckDatabase(name); err != nil {
			d.errs.add(at, path, err.Error())
			return
		}
		p := tenant.Place{Database: name}
		var schema position
		d.mapping(v, path, "tenants.NAME.databases.NAME", func(key, path string, at position, v *node) {
			if schema.line > 0 {
				d.errs.add(at, path, bothSchemas)
			}
			schema = at
			p.Schemas = d.schemas(key, path, v)
		})
		t.Further = append(t.Further, p)
	})
	slices.SortFunc(t.Further, func(a, b tenant.Place) int { return strings.Compare(a.Database, b.Database) })
}

// profileNamed reads one profile.
func (d *decoder) profileNamed(name, path string, at position, n *node) {
	p := &draft{at: at}
	switch {
	case name == noLimit:
		d.errs.add(at, path, "none is no name for a profile: profile: none means without one")
	case !simple.MatchString(name):
		d.errs.add(at, path, "a profile's name is made of letters, digits, underscores and hyphens")
	}
	d.mapping(n, path, "profiles.NAME", func(key, path string, at position, v *node) { d.house(p, key, path, at, v) })
	d.profiles[name] = p
}

// house reads the keys that tenants, profiles and defaults have in common;
// profiles know fewer of them.
func (d *decoder) house(t *draft, key, path string, at position, v *node) {
	t.set(key, at)
	switch key {
	case "server":
		t.Server, _ = d.text(v, path)
	case "isolation":
		t.Isolation, _ = choice(d, v, path, tenant.Models())
	case "database":
		t.Home.Database, _ = d.checked(v, path, tenant.CheckDatabase)
	case "profile":
		t.profile, _ = d.text(v, path)
	case "rights":
		t.Rights, _ = choice(d, v, path, tenant.AllRights())
	case "temp":
		t.Temp, _ = d.bool(v, path)
	case "large_objects":
		t.LargeObjects, _ = d.bool(v, path)
	case "advisory_locks":
		t.AdvisoryLocks, _ = d.bool(v, path)
	case "extensions":
		t.Extensions = d.extensions(v, path)
	case "limits":
		d.mapping(v, path, "tenants.NAME.limits", func(key, path string, at position, v *node) { d.limit(t, key, path, at, v) })
	case "resources":
		d.resources(t, path, v)
	case "settings":
		d.mapping(v, path, "tenants.NAME.settings", func(key, path string, at position, v *node) { d.setting(t, key, path, at, v) })
	}
}

// extensions reads a list of extensions, sorted.
func (d *decoder) extensions(n *node, path string) []string {
	all := d.list(n, path, tenant.CheckExtension)
	slices.Sort(all)
	for i := 1; i < len(all); i++ {
		if all[i] == all[i-1] {
			d.errs.add(n.at, path, all[i]+" is named twice")
		}
	}
	return slices.Compact(all)
}

// logins reads the logins by kind, and orders them as landlord makes them.
func (d *decoder) logins(t *draft, path string, n *node) {
	t.Logins = []tenant.Login{}
	d.mapping(n, path, "tenants.NAME.logins", func(key, path string, at position, v *node) {
		t.set("logins."+key, at)
		if v.kind == mapping {
			d.login(t, key, path, at, v)
			return
		}
		for _, name := range d.oneOrList(v, path, tenant.CheckRole) {
			t.Logins = append(t.Logins, tenant.Login{Name: name, Kind: tenant.Kind(key)})
		}
	})
	slices.SortStableFunc(t.Logins, func(a, b tenant.Login) int {
		return slices.Index(tenant.Kinds(), a.Kind) - slices.Index(tenant.Kinds(), b.Kind)
	})
}

// login reads one login under its own name.
func (d *decoder) login(t *draft, name, path string, at position, n *node) {
	if err := tenant.CheckRole(name); err != nil {
		d.errs.add(at, path, err.Error())
	}
	l := tenant.Login{Name: name, Kind: tenant.App}
	d.mapping(n, path, "tenants.NAME.logins.NAME", func(key, path string, _ position, v *node) {
		switch {
		case key == "rights":
			r, _ := choice(d, v, path, tenant.AllRights())
			l.Kind = cmp.Or(kindOf[r], l.Kind)
		case v.kind == text && v.text == noLimit:
			l.Connections = -1
		default:
			l.Connections = d.count(v, path)
		}
	})
	if l.Kind == tenant.Migrator && !t.has("rights") {
		t.migrates = true
	}
	t.Logins = append(t.Logins, l)
}

// kindOf is the kind of a login with certain rights.
var kindOf = map[tenant.Rights]tenant.Kind{tenant.CRUD: tenant.App, tenant.Read: tenant.Reader, tenant.DDL: tenant.Migrator}

// noLimit takes back a limit that defaults sets.
const noLimit = "none"

func (d *decoder) limit(t *draft, key, path string, at position, v *node) {
	t.set("limits."+key, at)
	if v.kind == text && v.text == noLimit {
		return
	}
	l := &t.Limits
	switch key {
	case "connections":
		l.Connections = d.count(v, path)
	case "temp_files":
		l.TempFiles = measure(d, v, path, ParseSize)
	case "work_mem":
		if l.WorkMem = measure(d, v, path, ParseSize); 0 < l.WorkMem && l.WorkMem < 64*kibi {
			d.errs.add(v.at, path, "PostgreSQL wants at least 64kB of work_mem")
		}
	case "statement_timeout":
		l.StatementTimeout = measure(d, v, path, parseDuration)
	case "lock_timeout":
		l.LockTimeout = measure(d, v, path, parseDuration)
	case "idle_transaction":
		l.IdleTransaction = measure(d, v, path, parseDuration)
	}
}

func (d *decoder) count(n *node, path string) int {
	if n.kind != number {
		d.errs.add(n.at, path, fmt.Sprintf("wants a whole number, found %s", n.kind))
		return 0
	}
	i, err := strconv.Atoi(n.text)
	if err != nil || i < 1 || i > maxConnections {
		d.errs.add(n.at, path, fmt.Sprintf("%s is out of range: wants a whole number from 1 to %d", n.text, maxConnections))
		return 0
	}
	return i
}

// measure reads a number with a unit.
func measure[T ~int64](d *decoder, n *node, path string, parse func(string) (T, error)) T {
	if n.kind != text && n.kind != number {
		d.errs.add(n.at, path, fmt.Sprintf("wants a number with its unit, found %s", n.kind))
		return 0
	}
	value, err := parse(n.text)
	if err != nil {
		d.wrong(n, path, err)
	}
	return value
}

// dotted is a parameter's name: one identifier, or an extension's two.
var dotted = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$`)

// settled are the parameters that settings cannot set, and why.
var settled = map[string]string{
	"role":                                "landlord sets the role of the logins that need it",
	"session_authorization":               "it cannot be a login's setting",
	"search_path":                         "landlord sets it: list the schemas under schemas",
	"temp_file_limit":                     "write it as limits: temp_files",
	"statement_timeout":                   "write it as limits: statement_timeout",
	"lock_timeout":                        "write it as limits: lock_timeout",
	"idle_in_transaction_session_timeout": "write it as limits: idle_transaction",
	"work_mem":                            "write it as limits: work_mem",
}

func (d *decoder) setting(t *draft, key, path string, at position, v *node) {
	if err := checkSetting(key); err != nil {
		d.errs.add(at, path, err.Error())
		return
	}
	same := func(s tenant.Setting) bool { return strings.EqualFold(s.Name, key) }
	switch value := v.text; {
	case slices.ContainsFunc(t.Settings, same):
		d.errs.add(at, path, "given twice: PostgreSQL does not tell capitals in a parameter's name")
	case v.kind > text || v.kind == null:
		d.errs.add(v.at, path, fmt.Sprintf("wants text, a number or true/false, found %s", v.kind))
	case strings.ContainsRune(value, 0):
		d.errs.add(v.at, path, "holds a NUL, which PostgreSQL does not allow")
	default:
		if v.kind == boolean {
			value = map[bool]string{true: "on", false: "off"}[strings.EqualFold(value, "true")]
		}
		t.Settings = append(t.Settings, tenant.Setting{Name: key, Value: value})
	}
}

func checkSetting(name string) error {
	if !dotted.MatchString(name) || len(name) > tenant.MaxIdentifier {
		return errors.New("no name of a PostgreSQL parameter: letters, digits and underscores, with at most one dot")
	}
	if why, known := settled[strings.ToLower(name)]; known {
		return errors.New("cannot stand under settings: " + why)
	}
	return nil
}
