package hls_test

import (
	"fmt"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest/hls"
)

func ExampleMultivariant() {
	tl := timelines.Two() // one picture, two languages
	text, err := hls.Multivariant(tl, nil)
	fmt.Print(string(text))
	fmt.Println(err)
	// Output:
	// #EXTM3U
	// #EXT-X-VERSION:6
	// #EXT-X-INDEPENDENT-SEGMENTS
	// #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac-2",NAME="en",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="index.en.m3u8"
	// #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac-2",NAME="fr",LANGUAGE="fr",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="index.fr.m3u8"
	// #EXT-X-STREAM-INF:BANDWIDTH=1020800,AVERAGE-BANDWIDTH=946565,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=25.000,AUDIO="aac-2"
	// index.v1.m3u8
	// <nil>
}
