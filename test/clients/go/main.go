// pgx: prepared, described and simple statements, parameters, arrays, the binary form of a path, errors.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const seg = `{"filter": {"modality": "SEG"}}`
const param = `{"filter": {"modality": {"$param": 1}}}`

var failed int
var ctx = context.Background()

func check(name string, good bool, shown ...any) {
	if good {
		fmt.Println("ok -", name)
		return
	}
	failed++
	fmt.Println("not ok -", name)
	for _, v := range shown {
		fmt.Printf("#   %v\n", v)
	}
}

func same(name string, found, wanted any) {
	check(name, reflect.DeepEqual(found, wanted), found, wanted)
}

func number(c *pgx.Conn, sql string, args ...any) (n int64) {
	if err := c.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		check(sql, false, err)
	}
	return n
}

func all(mode pgx.QueryExecMode) {
	config, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%s user=%s dbname=demo", os.Getenv("PGPORT"), os.Getenv("PGUSER")))
	if err != nil {
		panic(err)
	}
	config.DefaultQueryExecMode = mode
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	say := func(name string) string { return fmt.Sprintf("%v: %s", mode, name) }

	wanted := number(c, "SELECT count(*) FROM volume WHERE modality = 'SEG'")
	check(say("there are some"), wanted > 100)
	for _, call := range []string{"volume($1)", "vxp.query(NULL::volume, $1)", "volume($1::text)", "volume($1::json)", "volume($1::jsonb)"} {
		same(say(call), number(c, "SELECT count(*) FROM "+call, seg), wanted)
	}
	same(say("vxp.count"), number(c, "SELECT vxp.count($1::text)", `{"resource": "Volume", "filter": {"modality": "SEG"}}`), wanted)
	// as docs/clients.md has it
	conn, read := c, int64(0)
	rows, err := conn.Query(ctx, "SELECT identifier FROM volume($1)", `{"filter": {"modality": "SEG"}}`)
	for err == nil && rows.Next() {
		read++
	}
	check(say("the documented call"), err == nil && rows.Err() == nil && read == wanted, err, read)
	found := map[int64]bool{}
	for i := 0; i < 12; i++ {
		found[number(c, "SELECT count(*) FROM vxp.query(NULL::volume, $1, $2::text)", param, "SEG")] = true
	}
	same(say("a bind variable, twelve times"), found, map[int64]bool{wanted: true})
	same(say("a list"), number(c, "SELECT count(*) FROM vxp.query(NULL::volume, $1, $2::text[])", `{"filter": {"modality": {"$in": {"$param": 1}}}}`, []string{"SEG", "PT"}),
		number(c, "SELECT count(*) FROM volume WHERE modality IN ('SEG', 'PT')"))

	var path, text string
	var labels []string
	var depth int
	err = c.QueryRow(ctx, "SELECT lineage, lineage_path, labels(lineage), depth(lineage) FROM volume_current ORDER BY identifier LIMIT 1").Scan(&path, &text, &labels, &depth)
	check(say("lineage as text, its labels as a slice"), err == nil && path == text && strings.Join(labels, " > ") == text && depth == 4, err, path, labels)
	same(say("a path as parameter"), number(c, "SELECT count(*) FROM volume_current WHERE lineage <@ $1", text), int64(1))
	same(say("an ancestor as parameter"), number(c, "SELECT count(*) FROM volume_current WHERE has_ancestor(lineage, $1)", labels[1]),
		number(c, "SELECT count(*) FROM volume_current WHERE patient_id = $1", labels[1]))
	same(say("ancestors as a slice"), number(c, "SELECT count(*) FROM volume_current WHERE has_any_ancestor(lineage, $1)", []string{labels[1]}),
		number(c, "SELECT count(*) FROM volume_current WHERE patient_id = $1", labels[1]))

	request := map[string]any{"resource": "Volume", "filter": map[string]any{"modality": "SEG"}, "pageSize": 2, "select": []string{"modality"}}
	body, _ := json.Marshal(request)
	for _, call := range []string{"vxp.page($1)", "vxp.execute($1)", "vxp.execute($1::json)", "vxp.execute($1::jsonb)"} {
		var answer struct {
			TotalItemsCount int64
			HasNextPage     bool
			Items           []map[string]string
		}
		err = c.QueryRow(ctx, "SELECT "+call, string(body)).Scan(&answer)
		check(say(call), err == nil && answer.TotalItemsCount == wanted && answer.HasNextPage && len(answer.Items) == 2 && answer.Items[0]["modality"] == "SEG", err, answer)
	}
	_, err = c.Exec(ctx, "SELECT * FROM volume($1)", `{"filter": {"modalty": 1}}`)
	var pg *pgconn.PgError
	check(say("the error"), errors.As(err, &pg) && pg.Code == "42703" && pg.Detail == "The fault is at $.filter.modalty." && pg.Hint == `Perhaps you meant the field "modality".`, err)
}

// the wire itself: the binary form of a path as parameter and as result
func wire() {
	c, err := pgconn.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%s user=%s dbname=demo", os.Getenv("PGPORT"), os.Getenv("PGUSER")))
	if err != nil {
		panic(err)
	}
	defer c.Close(ctx)
	read := c.ExecParams(ctx, "SELECT lineage, lineage_path FROM volume_current ORDER BY identifier LIMIT 1", nil, nil, nil, []int16{1, 0}).Read()
	binary := append([]byte(nil), read.Rows[0][0]...)
	text := append([]byte(nil), read.Rows[0][1]...)
	read = c.ExecParams(ctx, "SELECT $1::vxp.lineage, $1::vxp.lineage", [][]byte{binary}, nil, []int16{1}, []int16{0, 1}).Read()
	check("a path in binary, there and back", read.Err == nil && bytes.Equal(read.Rows[0][0], text) && bytes.Equal(read.Rows[0][1], binary), read.Err)
	read = c.ExecParams(ctx, "SELECT $1::vxp.lineage", [][]byte{[]byte("\x63abc")}, nil, []int16{1}, []int16{0}).Read()
	var pg *pgconn.PgError
	check("and a damaged one is an error", errors.As(read.Err, &pg) && strings.HasPrefix(pg.Code, "22"), read.Err)
	read = c.ExecParams(ctx, "SELECT count(*) FROM volume($1)", [][]byte{[]byte(seg)}, nil, []int16{1}, []int16{0}).Read()
	check("a request in binary", read.Err == nil && string(read.Rows[0][0]) != "0", read.Err)
}

func main() {
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		all(mode)
	}
	wire()
	if failed > 0 {
		os.Exit(1)
	}
}
