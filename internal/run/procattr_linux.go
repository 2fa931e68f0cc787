package run

import "syscall"

// procAttr makes the child get a signal when its parent dies. Go sets it
// after changing the user, which would clear it (prctl(2), PR_SET_PDEATHSIG).
func procAttr(onDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: onDeath}
}
