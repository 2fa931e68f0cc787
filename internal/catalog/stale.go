package catalog

import (
	"os"
	"time"
)

// stale says whether a file was changed after a server loaded it. The server
// tells the time of change in whole seconds only; where the file is at hand,
// it is looked at again.
func stale(path string, changed, loaded time.Time) bool {
	if info, err := os.Stat(path); err == nil {
		if exact := changeTime(info); exact.Unix() == changed.Unix() {
			changed = exact
		}
	}
	return changed.After(loaded)
}
