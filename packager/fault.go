package packager

import (
	"fmt"
	"runtime/debug"

	"github.com/mezzomedia/mezzo/packager/media"
)

// guardedCopy copies from memory that may be a mapping of a file: if the file was cut meanwhile, touching the mapping
// faults, and that becomes ErrChanged in place of a crash.
func guardedCopy(dst, src []byte) error {
	return Guard(func() error { copy(dst, src); return nil })
}

// Guard runs f, which reads bytes of an Object that may be mapped from a file, and turns the fault of a file that shrank
// under its mapping into media.ErrChanged.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		// a nil pointer faults in the first page: that is a bug, not a file
		if fault, ok := r.(interface{ Addr() uintptr }); !ok || fault.Addr() < 4096 {
			panic(r)
		}
		err = fmt.Errorf("mapped file shrank: %w", media.ErrChanged)
	}()
	return f()
}
