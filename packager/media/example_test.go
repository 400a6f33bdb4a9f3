package media_test

import (
	"fmt"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Key frames every 2.002 s and a wanted length of 6 s give segments of 6.006 s.
func ExampleCuts() {
	var sync []int64
	for i := range int64(10) {
		sync = append(sync, i*60060)
	}
	for _, cut := range media.Cuts(sync, 600600, 6*30000) {
		fmt.Println(cut)
	}
	// Output:
	// 0
	// 180180
	// 360360
	// 540540
}

func ExampleRescale() {
	// the 168,750th AAC frame of an hour at 48 kHz, on the clock of MPEG-TS
	fmt.Println(media.Rescale(168_750*1024, 48_000, 90_000))
	// Output: 324000000
}
