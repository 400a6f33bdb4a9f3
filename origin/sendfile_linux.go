package origin

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/mezzomedia/mezzo/packager/media"
)

func canSendfile(dst io.Writer) bool {
	_, ok := dst.(syscall.Conn)
	return ok
}

// sendfile moves n bytes at off of f to the connection. Unlike *os.File.WriteTo it leaves f's cursor alone, so that f can
// be shared. The connection's write deadline holds.
func sendfile(dst io.Writer, f *os.File, off, n int64) (sent int64, err error) {
	out, err := dst.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	in, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	move := func(to, from uintptr) bool {
		for sent < n {
			m, err := syscall.Sendfile(int(to), int(from), &off, int(n-sent))
			switch {
			case m > 0:
				sent += int64(m)
			case err == syscall.EINTR:
			case err == syscall.EAGAIN:
				return false // wait until it can be written to
			case err == syscall.EPIPE, err == syscall.ECONNRESET:
				failed = lost(err)
				return true
			case err != nil:
				failed = os.NewSyscallError("sendfile", err)
				return true
			default:
				failed = fmt.Errorf("%s ends early: %w", f.Name(), media.ErrChanged)
				return true
			}
		}
		return true
	}
	var waiting error
	err = in.Control(func(from uintptr) {
		waiting = out.Write(func(to uintptr) bool { return move(to, from) })
	})
	for _, e := range []error{failed, lost(waiting), err} {
		if e != nil {
			return sent, e
		}
	}
	return sent, nil
}
