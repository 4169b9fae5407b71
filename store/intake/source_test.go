package intake

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, text []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func zstandard(t testing.TB, text []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// rowsOf reads a list to its end or its first error.
func rowsOf(list []byte) (int, error) {
	reader, err := Open("list.csv", bytes.NewReader(list), people)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	for {
		if _, err := reader.Next(); errors.Is(err, io.EOF) {
			return reader.Counts().Rows, nil
		} else if err != nil {
			return reader.Counts().Rows, err
		}
	}
}

// Ensure that a list reads the same however it is compressed, and in parts
// that were compressed one by one.
func TestOpen_Compression(t *testing.T) {
	t.Parallel()
	head, tail := []byte("number\n"), []byte(strings.Repeat("0639980001\n", 50_000))
	list := append(append([]byte{}, head...), tail...)
	tests := map[string][]byte{
		"plain":         list,
		"gzip":          gzipped(t, list),
		"gzip in parts": append(gzipped(t, head), gzipped(t, tail)...),
		"zstd":          zstandard(t, list),
		"zstd in parts": append(zstandard(t, head), zstandard(t, tail)...),
		"zstd best":     zstandard(t, list, zstd.WithEncoderLevel(zstd.SpeedBestCompression)),
	}
	for name, packed := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if rows, err := rowsOf(packed); err != nil || rows != 50_000 {
				t.Errorf("got %d rows, %v", rows, err)
			}
		})
	}
}

// Ensure that a small file cannot become an endless one, nor decide how much
// memory is used.
func TestOpen_Expansion(t *testing.T) {
	t.Parallel()
	bomb := append([]byte("number\n"), bytes.Repeat([]byte("0639980001\n"), zstdWindow/10)...)
	for name, packed := range map[string][]byte{"gzip": gzipped(t, bomb), "zstd": zstandard(t, bomb)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := rowsOf(packed)
			if !errors.Is(err, errExpansion) || !strings.Contains(err.Error(), "in parts") {
				t.Errorf("got %d rows, %v", rows, err)
			}
		})
	}
	t.Run("total", func(t *testing.T) {
		t.Parallel()
		s, err := openSource("list.csv", bytes.NewReader(gzipped(t, bomb[:1<<20])))
		if err != nil {
			t.Fatal(err)
		}
		s.total = 1 << 19
		if n, err := io.Copy(io.Discard, s); !errors.Is(err, errExpansion) || n > s.total {
			t.Errorf("got %d bytes, %v", n, err)
		}
	})
	t.Run("zstd window", func(t *testing.T) {
		t.Parallel()
		packed := zstandard(t, bomb[:zstdWindow+1], zstd.WithWindowSize(2*zstdWindow))
		if _, err := rowsOf(packed); err == nil || !strings.Contains(err.Error(), "--long") {
			t.Errorf("got %v", err)
		}
	})
}

// Ensure that damage is told from an end: a list that stops early must not
// pass for a short one.
func TestOpen_Damage(t *testing.T) {
	t.Parallel()
	list := append([]byte("number\n"), bytes.Repeat([]byte("0639980001\n"), 50_000)...)
	for name, packed := range map[string][]byte{"gzip": gzipped(t, list), "zstd": zstandard(t, list)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, length := range []int{5, 20, len(packed) / 2, len(packed) - 1} {
				if rows, err := rowsOf(packed[:length]); err == nil {
					t.Errorf("%d of %d bytes gave %d rows and no error", length, len(packed), rows)
				}
			}
			damaged := bytes.Clone(packed)
			damaged[len(damaged)-6] ^= 0xff
			if rows, err := rowsOf(damaged); err == nil {
				t.Errorf("damage gave %d rows and no error", rows)
			}
		})
	}
}
