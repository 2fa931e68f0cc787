package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// exampleText is a file in which one key has its example as value.
func exampleText(k Key) string {
	parts := strings.Split(strings.Replace(strings.Replace(k.Path, "settings.NAME", "settings.timezone", 1), "NAME", "main", 1), ".")
	var b strings.Builder
	if parts[0] != "servers" {
		b.WriteString("servers:\n  main:\n    connection: host=/run\n")
	} else if len(parts) == 3 && parts[2] != "connection" {
		b.WriteString("servers:\n  main:\n    connection: host=/run\n    " + parts[2] + ": " + k.Example + "\n")
		return b.String()
	}
	for i, p := range parts {
		fmt.Fprintf(&b, "%*s%s:", 2*i, "", p)
		if i < len(parts)-1 {
			b.WriteByte('\n')
		}
		if parts[0] == "servers" && i == 1 && len(parts) > 3 {
			b.WriteString("    connection: host=/run\n")
		}
	}
	b.WriteString(" " + k.Example + "\n")
	switch k.Path {
	case "router.tls.cert":
		b.WriteString("    key: /etc/ssl/router.key\n")
	case "router.tls.key":
		b.WriteString("    cert: /etc/ssl/router.pem\n")
	case "router.tls.ca":
		b.WriteString("    cert: /etc/ssl/router.pem\n    key: /etc/ssl/router.key\n")
	case "router.server_tls.mode":
		b.WriteString("    ca: /etc/ssl/ca.pem\n")
	case "router.server_tls.cert":
		b.WriteString("    key: /etc/ssl/lookup.key\n")
	case "router.server_tls.key":
		b.WriteString("    cert: /etc/ssl/lookup.pem\n")
	case "router.clients", "router.listen":
		b.WriteString("  tls: {cert: /etc/ssl/router.pem, key: /etc/ssl/router.key}\n")
	case "secrets.lookup":
		b.WriteString("  command: x\n")
	case "admins.NAME.servers", "admins.NAME.adopt":
		b.WriteString("    data_access: read\n")
	case "audit.waivers.NAME.reason":
		b.WriteString("      until: \"2027-03-31\"\n")
	case "audit.waivers.NAME.until":
		b.WriteString("      reason: x\n")
	case "tenants.NAME.logins.ddl":
		b.WriteString("    rights: ddl\n")
	}
	if strings.HasPrefix(k.Path, "tenants.NAME.resources") {
		return resourceExample(k)
	}
	if k.Name() == "profile" {
		b.WriteString("profiles: {small: {temp: false}}\n")
	}
	return b.String()
}

// resourceExample is a file for a key of a tenant's own server.
func resourceExample(k Key) string {
	text := "servers:\n  main:\n    connection: host=/run\ntenants:\n  acme:\n    isolation: cluster\n    resources"
	parts := strings.Split(strings.TrimPrefix(k.Path, "tenants.NAME.resources"), ".")[1:]
	switch {
	case len(parts) == 0:
		return text + ": " + k.Example + "\n"
	case len(parts) == 2:
		return text + ":\n      settings: {max_connections: " + k.Example + "}\n"
	}
	text += ":\n      " + parts[0] + ": " + k.Example + "\n"
	switch parts[0] {
	case "interface", "os_user":
		text += "      address: 10.20.0.7\n"
	}
	return text
}

func TestEveryKeyIsReadAndDescribed(t *testing.T) {
	plain, err := Parse("f", []byte("servers:\n  main:\n    connection: host=/run\ntenants:\n  main:\n"))
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(JSONSchema(), &root); err != nil {
		t.Fatal(err)
	}
	reference := string(Reference())
	seen := map[string]bool{}
	for _, k := range Keys() {
		if seen[k.Path] {
			t.Errorf("%s stands twice in the table", k.Path)
		}
		seen[k.Path] = true
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || k.Example == "" || k.Type == "" {
			t.Errorf("%s: %+v", k.Path, k)
		}
		if !strings.Contains(reference, "`"+k.Path+"`") {
			t.Errorf("%s is not in the reference", k.Path)
		}
		e, err := Parse("f", []byte(exampleText(k)))
		if err != nil {
			t.Errorf("%s: the example: %v\n%s", k.Path, err, exampleText(k))
		}
		if strings.HasPrefix(k.Path, "defaults.") || strings.HasPrefix(k.Path, "profiles") || k.Name() == "NAME" || k.Name() == "server" || k.Path == "servers" {
			continue
		}
		if bytes.Equal(Write(plain), Write(e)) && !byDefault[k.Path] {
			t.Errorf("%s: the example changes nothing", k.Path)
		}
	}
	var inSchema []string
	schemaPaths(root, "", &inSchema)
	for _, p := range inSchema {
		if !seen[p] {
			t.Errorf("%s is in the schema and not in the table", p)
		}
		delete(seen, p)
	}
	for p := range seen {
		t.Errorf("%s is in the table and not in the schema", p)
	}
}

// byDefault are the keys whose example says what is so anyway.
var byDefault = map[string]bool{"defaults": true}

// schemaPaths lists the keys that a schema describes.
func schemaPaths(s map[string]any, path string, paths *[]string) {
	add := func(name string, child any) {
		p := strings.TrimPrefix(path+"."+name, ".")
		*paths = append(*paths, p)
		schemaPaths(child.(map[string]any), p, paths)
	}
	properties, _ := s["properties"].(map[string]any)
	for name, child := range properties {
		add(name, child)
	}
	if child, free := s["additionalProperties"].(map[string]any); free {
		add("NAME", child)
	}
}
