module github.com/mezzomedia/mezzo/internal/e2e

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2 v1.47.7
	github.com/mezzomedia/mezzo v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/Eyevinn/dash-mpd v0.14.1 // indirect
	github.com/Eyevinn/hls-m3u8 v0.6.0 // indirect
	github.com/Eyevinn/mp4ff v0.54.0 // indirect
	github.com/abema/go-mp4 v1.6.0 // indirect
	github.com/asticode/go-astikit v0.30.0 // indirect
	github.com/asticode/go-astits v1.16.0 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/bluenviron/gohlslib/v2 v2.3.0 // indirect
	github.com/bluenviron/mediacommon/v2 v2.8.3 // indirect
	github.com/google/uuid v1.3.0 // indirect
	github.com/grafov/m3u8 v0.12.1 // indirect
	github.com/zencoder/go-dash/v3 v3.0.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/mezzomedia/mezzo => ../../
