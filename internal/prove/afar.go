package prove

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"landlord/internal/connect"
	program "landlord/internal/run"
	"landlord/internal/tenant"
)

// Afar is a tenant with a server of its own, as tenants of other servers meet
// it.
type Afar struct {
	Server tenant.Server
	Tenant tenant.Tenant
	// Data is its data directory on this machine; empty: not known.
	Data string
}

// Limited says which limits hold a tenant's own server, as seen on its host.
type Limited struct {
	Memory, CPU bool
	// Weightless says why the weight of the disk that the spec orders is not in
	// force; empty: it is, or none is ordered.
	Weightless string
	// SharedMemory says that the memory which its parallel queries share stands in a
	// place of its own.
	SharedMemory bool
}

// afarProbes are about getting into another tenant's own server.
var afarProbes = []Probe{
	{Name: "connect-b-server", What: "log in to another tenant's own server with its own name and password, at its socket and at its address", Scope: Afield, Expect: Held,
		Run: admitted(func(ctx context.Context, a *Attempt) Result { return knockAfar(ctx, a, a.who) })},
	{Name: "login-on-b-server-wrong-password", What: "log in to another tenant's own server as that tenant, with another password", Scope: Afield, Expect: Held, Run: wrongPasswordAfar},
	{Name: "heavy-unauthenticated-b-server", What: "take all connections of another tenant's own server without logging in", Scope: Afield, Expect: Exposed, Closes: ByResources,
		Consequence: "whoever reaches the server's address can keep its tenant out, and needs no password for it: without an address (resources) its programs come by its socket or the router; with one, a firewall must let only its programs, and the router, reach it", Run: reachAfar},
	{Name: "read-b-server-files", What: "read the files of another tenant's own server, as a superuser of this one could", Scope: Afield, Expect: Held, Closes: ByResources,
		Consequence: "both servers run as the same user of the operating system: whoever becomes superuser in one reads the data of both; resources: {os_user: own} closes it", Run: readFilesAfar},
}

// afar chooses the neighbour among tenants with servers of their own: the next
// in the list, so that the work grows with the tenants and no faster.
func (r *run) afar(at int) []Neighbour {
	if len(r.Afar) == 0 {
		return nil
	}
	b := &r.Afar[at%len(r.Afar)]
	return []Neighbour{{Relation: OtherServer, Name: b.Tenant.Name, Database: b.Tenant.Home.Database, Afar: b}}
}

// doors are the ways into another server: its address, if it has one, and its
// socket.
func (b Afar) doors() ([]door, error) {
	var out []door
	for _, conninfo := range []string{b.Server.Endpoint, b.Server.Connection} {
		if conninfo == "" {
			continue
		}
		d, err := newDoor(conninfo)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func knockAfar(ctx context.Context, a *Attempt, who account) Result {
	doors, err := a.Neighbour.Afar.doors()
	if err != nil {
		return notTried("its address: %s", explain(err))
	}
	return atEveryDoor(doors, func(d door) Result {
		s, err := enter(ctx, d, who, a.Neighbour.Database, nil)
		if err == nil {
			s.close()
			return Result{Escaped, "", fmt.Sprintf("%s is in database %s of server %s", who.user, a.Neighbour.Database, a.Neighbour.Afar.Server.Name)}
		}
		state := connect.State(err)
		switch {
		case slices.Contains([]string{"28000", "28P01", "42501"}, state):
			return Result{Held, state, explain(err)}
		case d.socket && errors.Is(err, fs.ErrPermission):
			return Result{Held, "", "its socket is closed to this user of the operating system"}
		}
		return Result{NotTried, state, "an answer that says nothing about the wall: " + explain(err)}
	})
}

// reachAfar asks for one session only, which is refused: that the server refuses it
// says that it can be reached.
func reachAfar(ctx context.Context, a *Attempt) Result {
	b := a.Neighbour.Afar
	if b.Server.Endpoint == "" {
		return Result{Held, "", "its server listens at no address"}
	}
	d, err := newDoor(b.Server.Endpoint)
	if err != nil {
		return notTried("its address: %s", explain(err))
	}
	s, err := enter(ctx, d, a.who, a.Neighbour.Database, nil)
	if err == nil {
		s.close()
	}
	if state := connect.State(err); err == nil || state != "" {
		return Result{Exposed, state, "its server answers at its address; its connections were not taken"}
	}
	return notTried("an answer that says nothing about the server: %s", explain(err))
}

func wrongPasswordAfar(ctx context.Context, a *Attempt) Result {
	open := a.Neighbour.Afar.Tenant.OpenLogins()
	if len(open) == 0 {
		return notTried("tenant %s has no login", a.Neighbour.Name)
	}
	return a.run.memo.once("wrong password afar: "+a.Neighbour.Name, func() Result {
		return knockAfar(ctx, a, account{open[0].Name, a.short.password})
	})
}

// readFilesAfar tries it as the operating system's user that this tenant's
// server runs as.
func readFilesAfar(ctx context.Context, a *Attempt) Result {
	return a.run.memo.once("files of "+a.Neighbour.Name, func() Result {
		b := a.Neighbour.Afar
		if b.Data == "" || os.Geteuid() != 0 {
			return notTried("only root can try it, on the machine of both servers")
		}
		cred, err := a.run.osUser(ctx)
		if err != nil {
			return notTried("as whom this server runs: %s", explain(err))
		}
		_, _, err = mayRead(ctx, cred, filepath.Join(b.Data, "PG_VERSION"))
		var failed *program.Error
		switch {
		case err == nil:
			return Result{Exposed, "", "user id " + fmt.Sprint(cred.UID) + " reads " + b.Data}
		case errors.As(err, &failed) && failed.Code == 1:
			return Result{Held, "", "user id " + fmt.Sprint(cred.UID) + " does not read " + b.Data}
		}
		return notTried("%s", explain(err))
	})
}

// mayRead tests whether a user can read a file.
func mayRead(ctx context.Context, cred program.Credential, path string) (stdout, stderr []byte, err error) {
	return program.Command(ctx, program.Spec{Name: "test", Args: []string{"-r", path}, Dir: "/", User: &cred})
}

// osUser is whom the server's data directory belongs to on this machine.
func (r *run) osUser(ctx context.Context) (program.Credential, error) {
	rows, err := r.ask(ctx, "SELECT pg_catalog.current_setting('data_directory')")
	if err != nil || len(rows) == 0 {
		return program.Credential{}, errors.Join(errors.New("the server does not say where its data is"), err)
	}
	info, err := os.Stat(rows[0][0])
	if err != nil {
		return program.Credential{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return program.Credential{}, errors.New("this system has no user ids")
	}
	return program.Credential{UID: st.Uid, GID: st.Gid}, nil
}

// sharedMemory is where the memory of parallel queries stands.
const sharedMemory = "/dev/shm"

const fillsDisk = "it fills the disk that the host's servers share; a volume of the tenant's own (resources: volume) closes it"

// remains says what an exposure of sharing a server still is where the server
// is the tenant's own, and "" where it leads nowhere there.
func remains(o tenant.OwnServer, l Limited, probe string) string {
	switch probe {
	case "heavy-disk":
		var all []string
		if o.Resources.Volume == "" {
			all = append(all, fillsDisk)
		}
		if l.Weightless != "" {
			all = append(all, fmt.Sprintf("io_weight %d is not in force, so that it may keep the disk busy for everybody: %s", o.Resources.IOWeight, l.Weightless))
		}
		return strings.Join(all, "; ")
	case "heavy-temp-table", "create-temp", "make-large-object":
		if o.Resources.Volume == "" {
			return fillsDisk
		}
	case "heavy-log-flood", "debug-print-log-flood":
		return "the server's log stands on the host's disk, with everybody's"
	case "heavy-shared-memory":
		if !l.SharedMemory {
			return "all servers on the host share " + sharedMemory + ", and parallel queries fail for all when one has filled it; with manager: debian each has its own, from its next start on"
		}
	case "override-work-mem":
		if !l.Memory {
			return "no limit of memory is enforced on the server; with manager: debian one is, or with manager: plain as root, where control groups (cgroup) are to be written"
		}
	case "override-statement-timeout":
		if !l.CPU {
			return "no limit of processors is enforced; resources: cpu sets one, with manager: debian, or with manager: plain as root where control groups (cgroup) are to be written"
		}
	}
	return ""
}

// onOwnServer judges an exposure where the server is the tenant's own.
func (a *Attempt) onOwnServer(o *Outcome) {
	own := a.run.Server.Own
	if own == nil || o.Verdict != Exposed || o.Closes != ByCluster && o.Closes != ByDatabase {
		return
	}
	if why := remains(*own, a.run.Limited, o.Probe); why != "" {
		o.Closes, o.Consequence = ByResources, why
		return
	}
	o.Verdict, o.Closes, o.Consequence = Held, "", ""
	o.Detail += "; it leads nowhere: nobody else is on this server, and its own limits hold it"
}
