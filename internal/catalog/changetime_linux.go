package catalog

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime is when anything of a file was last changed, its name included.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(int64(st.Ctim.Sec), int64(st.Ctim.Nsec))
	}
	return time.Time{}
}
