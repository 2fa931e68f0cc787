package clienttest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/testscript"

	"landlord/internal/cli"
)

// TestMain puts two programs into PATH, both of them this test program:
// landlord, and a client in Go.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"landlord":  func() { os.Exit(cli.Main(os.Args[1:], cli.Process())) },
		"go-client": func() { os.Exit(goClient(os.Args[1])) },
	})
}

// goClient is a program in Go with pgx: it runs each line of standard input,
// and prints the first column of what comes back, then "= SQLSTATE". Its
// argument is a connection string; what is missing there, pgx takes from
// the environment.
func goClient(conninfo string) int {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, conninfo)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer conn.Close(ctx)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Printf("= %s\n", query(ctx, conn, lines.Text()))
	}
	return 0
}

// query prints the first column of a statement's rows and returns its SQLSTATE.
func query(ctx context.Context, conn *pgx.Conn, sql string) string {
	rows, err := conn.Query(ctx, sql)
	for err == nil && rows.Next() {
		var values []any
		if values, err = rows.Values(); err == nil {
			fmt.Println(values[0])
		}
	}
	rows.Close()
	if err == nil {
		err = rows.Err()
	}
	if err == nil {
		return "00000"
	}
	fmt.Fprintln(os.Stderr, err)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return "none"
}
