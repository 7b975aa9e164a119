package avatar

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"sync"
)

// Default returns a PNG of 128 by 128 pixels: the outline of a person.
var Default = sync.OnceValue(func() []byte {
	const size, sub = 128, 4 // each pixel is the mean of sub x sub points
	palette := make(color.Palette, sub*sub+1)
	back, fore := color.RGBA{0xe2, 0xec, 0xe4, 0xff}, color.RGBA{0x5f, 0x8f, 0x6b, 0xff}
	for i := range palette {
		mix := func(a, b uint8) uint8 { return uint8((int(a)*(sub*sub-i) + int(b)*i) / (sub * sub)) }
		palette[i] = color.RGBA{mix(back.R, fore.R), mix(back.G, fore.G), mix(back.B, fore.B), 0xff}
	}
	img := image.NewPaletted(image.Rect(0, 0, size, size), palette)
	for y := range size {
		for x := range size {
			inside := 0
			for i := range sub * sub {
				px := float64(x) + (float64(i%sub)+0.5)/sub
				py := float64(y) + (float64(i/sub)+0.5)/sub
				head := (px-64)*(px-64) + (py-50)*(py-50)
				body := (px-64)*(px-64)/(46*46) + (py-128)*(py-128)/(44*44)
				if head <= 24*24 || body <= 1 {
					inside++
				}
			}
			img.SetColorIndex(x, y, uint8(inside))
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		return nil // cannot happen: memory does not fail to be written
	}
	return buf.Bytes()
})
