// Package cluster decides what is to be done on a host so that a tenant has a
// server of its own there, under its limits, or has none any more: ordered
// steps of commands and files, from what is wanted and what the host has. It
// is pure; internal/cluster/host looks and does.
package cluster

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"landlord/internal/tenant"
)

// Want is what a host is to have of one server.
type Want struct {
	Own  tenant.OwnServer
	Host tenant.Host
	// All are the servers of the spec, this one among them: their sum must fit
	// on the host.
	All []tenant.OwnServer
	// Connections is how many the tenant's logins may open together; 0: no
	// limit is set on some of them.
	Connections int
	// Gone says that the server is to be taken away.
	Gone bool
}

// Have is what a host has, as far as one server is about it.
type Have struct {
	Root   bool  // landlord runs as root
	Memory int64 // bytes of the machine
	CPUs   int
	// Installs are the PostgreSQL servers that can be had, newest first.
	Installs []Install
	Debian   bool // postgresql-common is there, and systemd is PID 1
	// Mark is what landlord knows of the server; nil: it made none.
	Mark *Mark
	// Hierarchies are those in which landlord can make a control group, with the
	// manager plain.
	Hierarchies Hierarchies
	// Alone says that no other server of landlord's is on the host.
	Alone bool
	// Listed says that the manager knows a server of this name, Running that
	// it runs, Supervised that it runs under its limits (in systemd's unit, or in
	// its control groups).
	Listed, Running, Supervised bool
	// Unreaped is the number of the server's first process, where it has been killed
	// and its parent has not asked what became of it: PostgreSQL takes it for one that
	// runs, and does not start. 0: there is none.
	Unreaped int
	// Between says that systemd is about to start or to stop it: a landlord that
	// was killed has asked for that.
	Between bool
	// Old says that a file has changed since the server was started, and
	// Unread that systemd has not read its unit since that has changed.
	Old, Unread bool
	// Started says that the server of the data directory ran once.
	Started bool
	Data    Directory
	Volume  Volume
	// Disk is what the data stands on, or will, where a weight of it is ordered.
	Disk Disk
	// User is the OS user's comment (GECOS), and HasUser that it is there.
	User    string
	HasUser bool
	// Interfaces are those of the machine, Addressed those that have the
	// wanted address.
	Interfaces, Addressed []string
	// Files are the files and directories that a server has, by path.
	Files map[string]File
}

// Install is a PostgreSQL server's programs.
type Install struct {
	Major          int
	BinDir, LibDir string // LibDir is for LD_LIBRARY_PATH; empty: the system's
}

// Directory is what a directory is like.
type Directory struct{ Exists, Empty bool }

// Volume is what a mount point is like.
type Volume struct {
	Mounted bool
	Empty   bool // but for lost+found
	Free    int64
	Size    int64 // bytes
}

// File is a file, or a directory, with its owner and mode (four octal digits).
type File struct {
	Path, Owner, Mode string
	Dir               bool
	Text              string
}

// Mark is the file by which landlord knows its own servers.
type Mark struct {
	Tenant string `json:"tenant"`
	// State is making until the server is configured, then made, and removing
	// from when it is to go: what is in the state making holds nobody's data.
	State     State          `json:"state"`
	Manager   tenant.Manager `json:"manager"`
	Major     int            `json:"major"`
	Data      string         `json:"data"` // the data directory
	OSUser    string         `json:"osUser"`
	Volume    string         `json:"volume,omitempty"`
	Address   string         `json:"address,omitempty"`
	Interface string         `json:"interface,omitempty"`
	Port      int            `json:"port"`
	// Next is where the server's address is about to be instead: killed on the
	// way, landlord knows both for its own.
	Next *Address `json:"next,omitempty"`
}

// Address is an address that landlord adds to an interface.
type Address struct {
	IP        string `json:"ip"`
	Interface string `json:"interface"`
}

// addresses are those that landlord has added for the server, or was about to.
func (m Mark) addresses() []Address {
	var all []Address
	if m.Interface != "" {
		all = append(all, Address{m.Address, m.Interface})
	}
	if m.Next != nil {
		all = append(all, *m.Next)
	}
	return all
}

// State is how far a server has come.
type State string

// The states.
const (
	Making   State = "making"
	Made     State = "made"
	Removing State = "removing"
)

// Text is the mark's file.
func (m Mark) Text() string {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic("cluster: a mark is plain strings: " + err.Error())
	}
	return string(text) + "\n"
}

// MarkPath is where a server's mark is.
func MarkPath(home string) string { return filepath.Join(home, "landlord.json") }

// Step is one thing to do on the host.
type Step struct {
	Why string `json:"why"`
	// Commands are what is done, as a shell would do it.
	Commands []string `json:"commands"`
	// Ends says that sessions end by it, Loses that data goes with it.
	Ends  bool `json:"ends,omitempty"`
	Loses bool `json:"loses,omitempty"`
	Ops   []Op `json:"-"`
}

// Op is one thing that internal/cluster/host does: it runs a program, writes a
// file or makes a directory, or makes a certificate.
type Op struct {
	Run  []string
	File *File
	// Certificate is made at File's path, with the key beside it, for these
	// names and addresses.
	Certificate []string
}

// Shell is the operation as a shell would do it.
func (o Op) Shell() string {
	switch {
	case o.Certificate != nil:
		return fmt.Sprintf("# a certificate for %s, signed by itself: %s, with its key beside it, readable by %s alone", strings.Join(o.Certificate, ", "), o.File.Path, o.File.Owner)
	case o.File != nil && o.File.Dir:
		return fmt.Sprintf("install -d -o %s -g %[1]s -m %s %s", o.File.Owner, o.File.Mode, word(o.File.Path))
	case o.File != nil:
		return fmt.Sprintf("install -o %s -g %[1]s -m %s /dev/stdin %s <<'.'\n%s.", o.File.Owner, o.File.Mode, word(o.File.Path), o.File.Text)
	}
	words := make([]string, len(o.Run))
	for i, w := range o.Run {
		words[i] = word(w)
	}
	return strings.Join(words, " ")
}

// word is a word of a shell's command line.
func word(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:@%+,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Plan is what to do on the host for one server.
type Plan struct {
	Steps []Step
	// Sizes are the server's parameters that follow its limits.
	Sizes []Size
	// Notes are limits that nobody enforces here, and what nobody does.
	Notes []Note
	// Up says that the server runs when the steps are done.
	Up bool
}

// RefusalError says why nothing is done.
type RefusalError struct{ Reason, Next string }

func (e *RefusalError) Error() string { return e.Reason }

// Hint says what to do about it.
func (e *RefusalError) Hint() string { return e.Next }

func refuse(next, format string, args ...any) error {
	return &RefusalError{fmt.Sprintf(format, args...), next}
}
