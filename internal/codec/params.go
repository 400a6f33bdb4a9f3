package codec

import "github.com/mezzomedia/mezzo/packager/media"

// ParameterSets returns the NAL units of the decoder configuration, VPS before SPS before PPS; none for codings without.
// They are slices of Config.
func ParameterSets(c *media.Codec) ([][]byte, error) {
	switch c.Coding {
	case media.H264:
		conf, err := parseAVCC(c.Config)
		if err != nil {
			return nil, malformed(c.FourCC+"/avcC", "%w", err)
		}
		return conf.sets.all(), nil
	case media.HEVC:
		conf, err := parseHVCC(c.Config)
		if err != nil {
			return nil, malformed(c.FourCC+"/hvcC", "%w", err)
		}
		return conf.sets.all(), nil
	}
	return nil, nil
}
