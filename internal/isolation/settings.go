package isolation

import (
	"slices"
	"time"

	"landlord/internal/pgsql"
	"landlord/internal/tenant"
)

func appendTime(s []tenant.Setting, name string, d time.Duration) []tenant.Setting {
	if d == 0 {
		return s
	}
	return append(s, tenant.Setting{Name: name, Value: pgsql.Duration(d)})
}

func appendSize(s []tenant.Setting, name string, bytes int64) []tenant.Setting {
	if bytes == 0 {
		return s
	}
	return append(s, tenant.Setting{Name: name, Value: pgsql.Size(bytes)})
}

// ListSetting says whether a parameter is a list of identifiers, which ALTER
// ROLE … SET takes unquoted by quotes (GUC_LIST_QUOTE in PostgreSQL).
func ListSetting(name string) bool { return name == "search_path" }

// SamePath says whether two values of search_path name the same schemas in
// the same order, however each is quoted.
func SamePath(a, b string) bool {
	x, ok1 := pgsql.SplitIdents(a)
	y, ok2 := pgsql.SplitIdents(b)
	return ok1 && ok2 && slices.Equal(x, y)
}
