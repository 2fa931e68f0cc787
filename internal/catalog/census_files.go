package catalog

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"landlord/internal/connect"
	"landlord/internal/hba"
	"landlord/internal/pgsql"
	"landlord/internal/snapshot"
)

// configuration reads pg_hba.conf with all that it includes, pg_ident.conf,
// and what the server finds wrong in them.
func configuration(ctx context.Context, conn *pgconn.PgConn, snap *snapshot.Snapshot) error {
	file := hbaFile(ctx, conn, *snap)
	snap.HBA = file
	if file.Error != "" && snap.Parameters != nil {
		views(ctx, conn, snap.Version.Major(), snap.Parameters["hba_file"], file)
	}
	if file.Rebuilt {
		return configurationErrors(ctx, conn, snap)
	}
	if file.Error != "" {
		for _, part := range []snapshot.Part{snapshot.PartHBA, snapshot.PartHBAErrors, snapshot.PartIdent} {
			snap.Unread = append(snap.Unread, snapshot.Unread{Part: part, Reason: file.Error})
		}
		return nil
	}
	f := files{ctx, conn, file}
	hba.Parse(file.Path, []byte(file.Text), hba.Options{Major: snap.Version.Major(), Read: f.include, ReadDir: f.list})
	if path := snap.Parameters["ident_file"]; path != "" {
		ident := f.read(path)
		file.Ident = &ident
		hba.ParseIdent(path, []byte(ident.Text), hba.Options{Major: snap.Version.Major(), Read: f.include, ReadDir: f.list})
	}
	file.Text = hba.Redact(file.Text)
	for i := range file.Included {
		file.Included[i].Text = hba.Redact(file.Included[i].Text)
	}
	return configurationErrors(ctx, conn, snap)
}

// configurationErrors reads what the server finds wrong in the files.
func configurationErrors(ctx context.Context, conn *pgconn.PgConn, snap *snapshot.Snapshot) error {
	r, file := newReader(), snap.HBA
	if file.Ident == nil {
		snap.Unread = append(snap.Unread, snapshot.Unread{Part: snapshot.PartIdent, Reason: "nobody showed pg_ident.conf"})
	}
	pieces := errorPieces(r, snap.Version.Major(), snap.Parameters["ident_file"], file)
	unread, err := readPieces(ctx, conn, r, "", pieces, func() { file.Errors = nil })
	snap.Unread = append(snap.Unread, unread...)
	return err
}

func errorPieces(r *reader, major int, ident string, to *snapshot.HBA) []piece {
	hbaName, identName := pgsql.Literal(to.Path), pgsql.Literal(ident)
	if major >= 16 {
		hbaName, identName = "h.file_name", "h.file_name"
	}
	row := []rowFunc{func(row [][]byte) {
		to.Errors = append(to.Errors, snapshot.FileError{File: string(row[0]), Line: r.int(row[1]), Message: string(row[2])})
	}}
	pieces := []piece{{snapshot.PartHBAErrors, "hbaerrors", censusSQL("hbaerrors", "{{file}}", hbaName), row}}
	if major >= 15 {
		pieces = append(pieces, piece{snapshot.PartIdent, "identerrors", censusSQL("identerrors", "{{file}}", identName), row})
	}
	return pieces
}

// files reads the server's files through the server.
type files struct {
	ctx  context.Context
	conn *pgconn.PgConn
	hba  *snapshot.HBA
}

// include reads a file that pg_hba.conf names, and keeps it.
func (f files) include(path string) ([]byte, error) {
	if text, err := f.hba.Read(path); err == nil {
		return text, nil
	}
	file := f.read(path)
	f.hba.Included = append(f.hba.Included, file)
	return f.hba.Read(path)
}

func (f files) read(path string) snapshot.File {
	file := snapshot.File{Path: path}
	err := query(f.ctx, f.conn, newReader(), censusSQL("file", "{{path}}", pgsql.Literal(path)), func(row [][]byte) {
		text, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(row[0]), "\n", ""))
		if err != nil {
			file.Error = err.Error()
		}
		file.Text = string(text)
	})
	if err != nil {
		file.Error = reason(err)
	}
	return file
}

func (f files) list(path string) ([]string, error) {
	var names []string
	err := query(f.ctx, f.conn, newReader(), censusSQL("directory", "{{path}}", pgsql.Literal(path)), func(row [][]byte) {
		names = append(names, string(row[0]))
	})
	if connect.State(err) == "58P01" {
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	}
	return names, err
}
