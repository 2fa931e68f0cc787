package spec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"landlord/internal/tenant"
)

// fullFile has something of all that a tenant's entry can hang on.
const fullFile = `servers:
  main: {connection: host=/run}
  aux: {connection: host=/aux}
defaults: {isolation: schema, server: main}
profiles:
  small: {temp: false}
  big: {limits: {connections: 9}}
tenants:
  acme: {profile: small}
  # what bolt wants
  bolt: # by contract
    temp: true
    limits:
      connections: 3

  'carl': {schemas: ~}
  dora:
    rights: ddl
    settings: {app.x: "é # {"}
  emil: {isolation: database}
  fay: {}
# behind
host: {directory: /srv/landlord}
admins:
  ops: {data_access: read, servers: [main]}
`

// fullFiles are files that fall into pieces in different ways.
func fullFiles() map[string]string {
	tenants := strings.Index(fullFile, "tenants:")
	behind := strings.Index(fullFile, "# behind")
	last := fullFile[:tenants] + fullFile[behind:] + fullFile[tenants:behind]
	return map[string]string{
		"plain":                 fullFile,
		"BOM and CRLF":          "\uFEFF" + strings.ReplaceAll(fullFile, "\n", "\r\n"),
		"no newline at the end": strings.TrimSuffix(last, "\n"),
		"anchors":               strings.NewReplacer("bolt: #", "bolt: &a #", "emil: {isolation: database}", "emil: *a").Replace(fullFile),
		"router":                fullFile + "router: {}\n",
		"own servers":           strings.Replace(fullFile, "emil: {isolation: database}", "emil: {isolation: cluster}", 1) + "router: {}\n",
		"a pool":                strings.Replace(fullFile, "host=/run}", "host=/run, pools: {web: {}}}", 1),
	}
}

// strayLines are put between a text's lines.
var strayLines = []string{
	"---", "...", "%YAML 1.2", "# remark", "  # remark", "", "tenants:", "servers:", "profiles: {small: {temp: true}}", "defaults: {temp: false}", "journal: {file: /j}",
	"  more: {}", "  bolt: {temp: false}", "  'fay': {}", `  "n\x65w": {}`, "  ? fay\n  : {temp: false}", "  - x", "  }", "  more: &a {temp: false}", "  <<: *a", "  more: *a", "  more: {owner: fay_app}",
	"    suspended: true", "   deeper: {}", " shallower: {}", "\tmore: {}", "  \u00a0", "\u2028  more: {}", "\uFEFF", "  pgbouncer: {}", "  more: {isolation: cluster}", "\x01", "\xff", "    profile: big", "      connections: 4",
}

// spoils are texts that are near to one: with a line taken away, given twice, moved,
// turned into a remark or indented otherwise, and with lines that do not belong there.
func spoils(text string) []string {
	out := []string{text, "\uFEFF" + text, text + text, strings.TrimRight(text, "\r\n"), strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, "\r\n", "\n"),
		strings.ReplaceAll(text, "{", "&a {"), strings.ReplaceAll(text, "small", "big"), strings.ReplaceAll(text, "connections: 3", "connections: 03")}
	lines := strings.SplitAfter(text, "\n")
	put := func(parts ...[]string) { out = append(out, strings.Join(slices.Concat(parts...), "")) }
	for i, line := range lines {
		before, after := lines[:i], lines[i+1:]
		put(before, after)
		put(before, []string{line, line}, after)
		for _, changed := range []string{"# " + line, " " + line, strings.TrimPrefix(line, " "), strings.Replace(line, "{", "{temp: false, ", 1), strings.Replace(line, ":", ": # ", 1),
			strings.Replace(line, ":", " :", 1), strings.Replace(line, "\n", "\r\n", 1), strings.TrimRight(line, "\r\n")} {
			put(before, []string{changed}, after)
		}
		for _, stray := range strayLines {
			put(before, []string{stray + "\n", line}, after)
		}
		for to := range after[:min(len(after), 4)] {
			put(before, after[:to+1], []string{line}, after[to+1:])
		}
	}
	return out
}

// A text that is near to the right one is taken for right only where all of it says
// what it should.
func TestShortIsNotFooledByALine(t *testing.T) {
	changes := []Change{Add(TenantEntry{"new", []KeyValue{{"temp", []string{"false"}}}}), Set("bolt", "limits.connections", "5"), Remove("dora")}
	for name, file := range fullFiles() {
		t.Run(name, func(t *testing.T) {
			taken, changes := 0, changes
			if name != "plain" && name != "no newline at the end" {
				changes = changes[:1]
			}
			for _, c := range changes {
				_, err := editBy("f", []byte(file), c, func(e *edit, text []byte, after tenant.Estate) bool {
					for _, spoilt := range append(spoils(string(text)), file) {
						if !e.short([]byte(spoilt), after) {
							continue
						}
						if spoilt != string(text) {
							taken++
						}
						if got, err := Parse("f", []byte(spoilt)); err != nil || !reflect.DeepEqual(got, after) {
							t.Fatalf("%v of\n%s\ntook\n%s\nwhich says %v %v", c, file, spoilt, got, err)
						}
					}
					return false
				})
				if err != nil {
					t.Errorf("%v: %v", c, err)
				}
			}
			if taken == 0 && name != "a pool" {
				t.Error("every text was read whole")
			}
		})
	}
}

// What one entry means to others is for the whole reading to see.
func TestShortLeavesOthersToTheWhole(t *testing.T) {
	files := fullFiles()
	for _, c := range []struct {
		file, want string
		change     Change
	}{
		{files["anchors"], "it would change emil as well", Set("bolt", "limits.connections", "5")},
		{files["router"], "PgBouncer's console", Add(TenantEntry{Name: "pgbouncer"})},
		{strings.Replace(files["own servers"], "cluster}", "cluster, resources: {port: 6000}}", 1), "port 6000 is tenant emil's already",
			Add(TenantEntry{"new", []KeyValue{{"isolation", []string{"cluster"}}, {"resources.port", []string{"6000"}}}})},
	} {
		_, err := editBy("f", []byte(c.file), c.change, func(e *edit, text []byte, after tenant.Estate) bool {
			if e.short(text, after) {
				t.Errorf("%v: taken for right:\n%s", c.change, text)
			}
			return false
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.change, err)
		}
	}
}
