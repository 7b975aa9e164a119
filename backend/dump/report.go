package dump

import (
	"slices"
	"time"
)

// Kind is how a dump is written.
type Kind string

// The kinds of dumps that are read.
const (
	PlainSQL Kind = "sql"            // INSERT statements
	PgPlain  Kind = "pg_dump_plain"  // a plain file of pg_dump
	PgCustom Kind = "pg_dump_custom" // an archive of pg_dump -Fc
)

// Report says what a dump held and what became of it.
type Report struct {
	ID         string    `json:"id,omitempty"` // of the restore; the table restores has it too
	Source     string    `json:"source,omitempty"`
	Kind       Kind      `json:"kind"`
	Shape      Shape     `json:"shape"`
	Compressed bool      `json:"compressed"`
	Bytes      int64     `json:"bytes"`                // as stored
	PlainBytes int64     `json:"plain_bytes"`          // uncompressed
	SHA256     string    `json:"sha256"`               // as stored
	StartedAt  time.Time `json:"started_at"`           // UTC
	RestoredAt time.Time `json:"restored_at,omitzero"` // when the data was replaced: the order of restores
	Repeated   bool      `json:"repeated,omitempty"`   // the restore is on record already; nothing was done
	Read       Counts    `json:"read"`                 // rows in the dump
	Restored   Counts    `json:"restored"`             // rows in the database afterwards
	Replaced   Counts    `json:"replaced"`             // rows in the database before
	Notes      []Note    `json:"notes"`                // what was changed on the way
	Checks     []Check   `json:"checks"`               // what was checked and held
	Durations  Durations `json:"milliseconds"`         //
}

// Outcome is a report and how the restore ended, as it is stored beside the dump.
type Outcome struct {
	*Report
	Succeeded bool              `json:"succeeded"`
	Kept      string            `json:"kept,omitempty"` // why the shop keeps its data, though nothing failed
	Error     string            `json:"error,omitempty"`
	Fault     *InvalidDumpError `json:"fault,omitempty"` // where the dump is at fault
}

// Counts are numbers of rows by table.
type Counts map[string]int64

// Note says that rows were changed to fit, and why that is right.
type Note struct {
	Code  string `json:"code"`
	Count int64  `json:"count"`
	Line  int64  `json:"line"` // the first of them
	Text  string `json:"text"`
}

// Check is something that was found to hold before the data went live.
type Check struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"` // looked at
}

// Durations are in milliseconds.
type Durations struct {
	Wait    int64 `json:"wait"`    // for another restore to end
	Read    int64 `json:"read"`    // read, convert and load into the staging tables
	Check   int64 `json:"check"`   // check the rows against each other
	Replace int64 `json:"replace"` // put them in the place of the live data
	Total   int64 `json:"total"`
}

// notes collects notes by code.
type notes struct{ list []Note }

func (n *notes) add(code string, line int64, text string) { n.addN(code, 1, line, text) }

func (n *notes) addN(code string, count, line int64, text string) {
	if count == 0 {
		return
	}
	if i := slices.IndexFunc(n.list, func(o Note) bool { return o.Code == code }); i >= 0 {
		n.list[i].Count += count
		return
	}
	n.list = append(n.list, Note{code, count, line, text})
}
