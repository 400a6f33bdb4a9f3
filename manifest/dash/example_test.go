package dash_test

import (
	"fmt"
	"time"

	"github.com/mezzomedia/mezzo/internal/timelines"
	"github.com/mezzomedia/mezzo/manifest"
	"github.com/mezzomedia/mezzo/manifest/dash"
)

func ExampleMPD() {
	tl := timelines.Two()
	text, err := dash.MPD(tl, time.Now(), &manifest.Options{Offers: []manifest.Offer{{Rendition: "v1"}}})
	fmt.Print(string(text))
	fmt.Println(err)
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019" type="static" mediaPresentationDuration="PT30.016S" minBufferTime="PT6S" maxSegmentDuration="PT6S">
	//   <Period id="0" start="PT0S" duration="PT30.016S">
	//     <AdaptationSet mimeType="video/mp4" startWithSAP="1" id="1" segmentAlignment="true" par="16:9" maxWidth="640" maxHeight="360" contentType="video" maxFrameRate="25">
	//       <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"></Role>
	//       <SegmentTemplate initialization="two/$RepresentationID$/0.init.mp4" media="two/$RepresentationID$/$Number$.m4s" startNumber="1" timescale="90000">
	//         <SegmentTimeline>
	// <S t="0" d="540000" r="4"/></SegmentTimeline>
	//       </SegmentTemplate>
	//       <Representation sar="1:1" bandwidth="880000" codecs="avc1.64001f" frameRate="25" height="360" id="v1" width="640"></Representation>
	//     </AdaptationSet>
	//   </Period>
	// </MPD>
	// <nil>
}
