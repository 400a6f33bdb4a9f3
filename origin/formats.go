package origin

import (
	"github.com/mezzomedia/mezzo/packager"
	"github.com/mezzomedia/mezzo/packager/cmaf"
	"github.com/mezzomedia/mezzo/packager/packed"
	"github.com/mezzomedia/mezzo/packager/ts"
)

// format is what a Container means.
type format struct {
	main   packager.Packager // of all renditions
	packed packager.Packager // of audio, where the Endpoint asks for it and it accepts the codec; nil: none
	mux    bool              // the default audio goes into each video rendition
}

// A new container is one row. Read-only.
var formats = map[Container]format{
	CMAF: {main: cmaf.Packager{}},
	TS:   {main: ts.Packager{}, packed: packed.Packager{}, mux: true},
}

// revision counts changes of any packager that give other bytes for equal inputs. It is in the version of media URLs.
const revision = "1"
