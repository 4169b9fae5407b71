package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

var contacts = Columns{DeclaredIn: "directory.yaml", List: []Column{
	{Name: "number", Required: true}, {Name: "territory"}, {Name: "age_band"}, {Name: "gender"}, {Name: "commune"}, {Name: "zone"},
}}

// BenchmarkReader reads a million rows of six columns, all fields of them, as
// they come from the usual exports.
func BenchmarkReader(b *testing.B) {
	const header, rows = "number;territory;age_band;gender;commune;zone\n", 1_000_000
	plain := header + strings.Repeat("06 39 98 00 01;FR-75;25-34;f;Paris;\n+33639980002;FR-974;65+;m;Saint-Leu;Indian/Reunion\n", rows/2)
	quoted := header + strings.Repeat("\"06 39 98 00 01\";\"FR-75\";\"25-34\";\"f\";\"Paris\";\"\"\n", rows)
	accents := header + strings.Repeat("06 39 98 00 01;FR-31;25-34;f;N\xeemes;\n", rows)
	var varied bytes.Buffer
	varied.WriteString(header)
	for i := range rows / 8 {
		fmt.Fprintf(&varied, "06 39 98 %02d %02d;FR-%02d;25-34;f;Paris;\n", i*7919%100, i*104729%100, i*31%95+1)
	}
	lists := []struct {
		name string
		list []byte
	}{
		{"plain", []byte(plain)},
		{"quoted", []byte(quoted)},
		{"windows-1252", []byte(accents)},
		{"gzip", gzipped(b, varied.Bytes())},
		{"zstd", zstandard(b, varied.Bytes())},
	}
	for _, l := range lists {
		b.Run(l.name, func(b *testing.B) {
			read := 0
			b.ReportAllocs()
			for b.Loop() {
				reader, err := Open("list.csv", bytes.NewReader(l.list), contacts)
				if err != nil {
					b.Fatal(err)
				}
				for {
					row, err := reader.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					touch(row)
				}
				read += reader.Counts().Rows
				reader.Close()
			}
			b.ReportMetric(float64(read)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

func touch(row Row) (n int) {
	for i := range contacts.List {
		n += len(row.Bytes(i))
	}
	return n
}
