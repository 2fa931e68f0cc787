package tenant

import (
	"fmt"
	"regexp"
	"strings"
)

// ExtensionsSchema is where landlord puts extensions. It is nobody's house:
// who owns a schema may drop what others own in it.
const ExtensionsSchema = "landlord_extensions"

var extensionName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// dangerous are the extensions that lead out of a house, with where to. Those
// whose names say it are not in the list.
var dangerous = map[string]string{
	"adminpack":       "it writes files of the server",
	"amcheck":         "it reads every table's pages",
	"auto_explain":    "it logs what others' statements hold",
	"dblink":          "it connects from the server itself, past the rules on addresses",
	"file_fdw":        "it reads files of the server, every tenant's among them",
	"http":            "it reaches the network from the server itself",
	"lo":              "large objects stand in no schema, and are closed to tenants",
	"pageinspect":     "it reads every table's pages, past every right",
	"pg_cron":         "it runs statements by the clock, as others",
	"pg_net":          "it reaches the network from the server itself",
	"pg_surgery":      "it changes every table's pages, past every right",
	"pg_walinspect":   "it reads everybody's changes",
	"plpython2u":      "a function in it does what the server's own user may",
	"pg_buffercache":  "it shows what others work on",
	"pgrowlocks":      "it shows what others work on",
	"pg_visibility":   "it reads every table's pages",
	"pg_prewarm":      "it fills the memory that all share",
	"pg_freespacemap": "it reads every table's pages",
}

// CheckExtension says why an extension cannot be a tenant's, or nil.
func CheckExtension(name string) error {
	if !extensionName.MatchString(name) || len(name) > MaxIdentifier {
		return fmt.Errorf("%q is no name of an extension: lower-case letters, digits, underscores and hyphens", name)
	}
	why := dangerous[name]
	switch {
	case why != "":
	case strings.HasSuffix(name, "_fdw"):
		why = "it connects from the server itself, past the rules on addresses"
	case strings.HasPrefix(name, "pl") && strings.HasSuffix(name, "u"), name == "plsh", name == "plr":
		why = "a function in it does what the server's own user may: it reads every tenant's files"
	default:
		return nil
	}
	return fmt.Errorf("extension %s leads out of the tenant's house: %s. landlord installs none of the kind", name, why)
}
