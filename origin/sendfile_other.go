//go:build !linux

package origin

import (
	"errors"
	"io"
	"os"
)

func canSendfile(io.Writer) bool { return false }

func sendfile(io.Writer, *os.File, int64, int64) (int64, error) { return 0, errors.ErrUnsupported }
