// Package journal writes down who changed what, when, and with which SQL: one
// JSON object a line, to a file or to the system's log (which journald keeps
// too). It holds no secret: landlord's SQL has none.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/syslog"
	"os"
	"os/user"
	"time"

	"landlord/internal/tenant"
)

// Entry is one change, done or tried.
type Entry struct {
	Time time.Time `json:"time"` // UTC
	// User is the operating system's user, and Sudo who became it by sudo.
	User   string `json:"user"`
	Sudo   string `json:"sudo,omitempty"`
	PID    int    `json:"pid"`
	Action string `json:"action"` // apply, host, password, pg_hba.conf, sessions
	Server string `json:"server"`
	Tenant string `json:"tenant,omitempty"`
	// Group is what the statements are part of, and ran in order.
	Group      string      `json:"group,omitempty"`
	Statements []Statement `json:"statements,omitempty"`
	// Part of Parts: in the system's log, which cuts off what is long, an entry
	// with many statements is several. 0: it is whole.
	Part  int `json:"part,omitempty"`
	Parts int `json:"parts,omitempty"`
	// Error is why it failed; empty: done. What a failed group did before
	// is rolled back, as far as it was in one transaction.
	Error string `json:"error,omitempty"`
}

// Statement is one SQL statement and where it ran.
type Statement struct {
	Database string `json:"database,omitempty"` // empty: landlord's own
	As       string `json:"as,omitempty"`       // role; empty: landlord's own
	SQL      string `json:"sql"`
	// Continues says that the statement is longer than a part of an entry, and
	// goes on with the first of the next part.
	Continues bool `json:"continues,omitempty"`
}

// Journal is open for writing. A nil Journal takes entries and drops them.
type Journal struct {
	file *os.File
	log  *syslog.Writer
	user string
}

// Open opens a journal, or returns nil where none is wanted. The file is made
// with mode 0600, and only ever appended to.
func Open(want tenant.Journal) (*Journal, error) {
	if want.File == "" && !want.Syslog {
		return nil, nil
	}
	j := &Journal{}
	if u, err := user.Current(); err == nil {
		j.user = u.Username
	}
	var err error
	if want.File != "" {
		if j.file, err = os.OpenFile(want.File, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600); err != nil {
			return nil, fmt.Errorf("opening the journal: %w", err)
		}
	}
	if want.Syslog {
		if j.log, err = syslog.New(syslog.LOG_AUTHPRIV|syslog.LOG_NOTICE, "landlord"); err != nil {
			return nil, errors.Join(fmt.Errorf("opening the system's log: %w", err), j.Close())
		}
	}
	return j, nil
}

// Close closes the journal.
func (j *Journal) Close() error {
	if j == nil {
		return nil
	}
	var errs []error
	if j.file != nil {
		errs = append(errs, j.file.Close())
	}
	if j.log != nil {
		errs = append(errs, j.log.Close())
	}
	return errors.Join(errs...)
}

// Write adds an entry, filling in when and who. A line is written at once,
// so that those of several landlords do not mix.
func (j *Journal) Write(e Entry) error {
	if j == nil {
		return nil
	}
	e.Time, e.User, e.Sudo, e.PID = time.Now().UTC(), j.user, os.Getenv("SUDO_USER"), os.Getpid()
	if j.file != nil {
		line, err := json.Marshal(e)
		if err == nil {
			_, err = j.file.Write(append(line, '\n'))
		}
		if err != nil {
			return fmt.Errorf("writing the journal: %w", err)
		}
	}
	if j.log == nil {
		return nil
	}
	for _, part := range split(e, maxLine) {
		line, err := json.Marshal(part)
		if err == nil {
			err = j.log.Notice(string(line))
		}
		if err != nil {
			return fmt.Errorf("writing the system's log: %w", err)
		}
	}
	return nil
}
