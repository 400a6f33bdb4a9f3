// Package mpegts writes MPEG-2 transport streams (ISO/IEC 13818-1): packets, PES headers, adaptation fields, program
// tables and clocks. It knows no codec and no sample; packager/ts does.
//
// A [PES] says how many packets it takes before any of its payload is seen, so that sizes are exact beforehand. A
// [Writer] cuts payload, given in pieces, into packets within one fixed buffer and sends the wanted range of them.
package mpegts
