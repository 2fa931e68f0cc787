//go:build unix && !linux

package run

import "syscall"

// procAttr: only Linux and FreeBSD know a parent-death signal.
func procAttr(syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{}
}
