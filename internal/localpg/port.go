package localpg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"runtime"
	"strconv"
	"syscall"
)

// The ports to choose from are below those that the kernel hands out to clients
// (32768 and up on Linux), so that no passing connection can hold one when a
// server starts again.
const firstPort, lastPort = 15000, 32000

// FreePort returns a port on 127.0.0.1 that nobody listens on now, and that is
// given to nobody else until it is released, or this process ends.
func FreePort() (port int, release io.Closer, err error) {
	const tries = 100
	for range tries {
		port = firstPort + rand.IntN(lastPort-firstPort)
		release, ok := Claim("port " + strconv.Itoa(port))
		if !ok {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, release, l.Close()
		}
		_ = release.Close()
	}
	return 0, nil, fmt.Errorf("no free port found between %d and %d on 127.0.0.1: %w", firstPort, lastPort, errors.Join(fs.ErrExist, err))
}

// choosePort gives the server a port, in place of the one that it has.
func (s *Server) choosePort() error {
	port, kept, err := FreePort()
	if err != nil {
		return err
	}
	if s.claim != nil {
		err = s.claim.Close()
	}
	s.port, s.claim = port, kept
	return err
}

// claim is a socket that has a name and no file (unix(7), abstract); nil where
// there are no such.
type claim struct{ socket net.Listener }

// Close gives up what was claimed, once.
func (c claim) Close() error {
	if c.socket == nil {
		return nil
	}
	if err := c.socket.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Claim lets one process at a time have what there is only one of on this
// machine, until it closes the claim, or ends. It is not ok where another one
// has it. Elsewhere than on Linux everybody gets what they ask for.
func Claim(what string) (_ io.Closer, ok bool) {
	socket, err := net.Listen("unix", "@landlord "+what)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, false
	}
	if err != nil || runtime.GOOS != "linux" {
		return claim{}, true
	}
	return claim{socket}, true
}
