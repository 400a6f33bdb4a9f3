package media

import "sort"

// Cuts places the boundaries of segments: boundary k is the time in sync nearest to start + k·d, the earlier of two that
// are as near, and every boundary lies after the one before. sync holds the times, in ticks and ascending, at which
// decoding can start; start is its first. end is where the media end: a boundary that would fall there is left out. The
// result begins with sync[0]. It costs at most a few steps for each entry of sync, whatever d is.
//
// d is the wanted duration in ticks. If the distances of sync are all the same (the GOP), the multiple of it nearest to d
// is taken instead, so that segments are of equal length.
func Cuts(sync []int64, end, d int64) []int64 {
	if len(sync) == 0 {
		return nil
	}
	if g := gop(sync); g > 0 {
		d = max(1, (d+g/2)/g) * g
	}
	d = max(1, d)
	start, n := sync[0], len(sync)
	at := func(i int) int64 {
		if i == n {
			return max(end, sync[n-1])
		}
		return sync[i]
	}
	cuts := []int64{start}
	for k, last := int64(1), 0; last < n; {
		want := start + k*d
		i := sort.Search(n+1, func(i int) bool { return at(i) >= want })
		if i > n || i > 0 && want-at(i-1) <= at(i)-want {
			i--
		}
		if i == n {
			break
		}
		if i > last {
			cuts = append(cuts, sync[i])
			last = i
		}
		mid := at(last) + (at(last+1)-at(last))/2
		k = max(k+1, (mid-start)/d) // the first that can reach past the boundary just set
	}
	return cuts
}

// gop is the distance of all entries of sync; 0 where it varies.
func gop(sync []int64) int64 {
	if len(sync) < 2 {
		return 0
	}
	g := sync[1] - sync[0]
	for i := 2; i < len(sync); i++ {
		if sync[i]-sync[i-1] != g {
			return 0
		}
	}
	return g
}
