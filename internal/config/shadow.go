package config

// ShadowSettings say with whom a share of the answers is compared.
type ShadowSettings struct {
	URL          Secret  // the view's; its query may be secret; empty: nothing is compared
	Share        float64 // 0 to 1; 0.01
	InsecureHTTP bool    // false: plain HTTP goes to private addresses alone
}

// readShadow reads the settings of comparisons. They are read where these are off too, so that a mistake is seen.
func (c *Config) readShadow(r *reader) {
	const share = "SIDECAR_SHADOW_SHARE"
	c.Shadow.URL = r.webhook("SIDECAR_SHADOW_URL")
	c.Shadow.InsecureHTTP = r.flag("SIDECAR_SHADOW_INSECURE_HTTP")
	var ok bool
	if c.Shadow.Share, ok = r.share(share, "0.01"); ok && c.Shadow.Share == 0 && c.Shadow.URL.Reveal() != "" {
		r.warn("SIDECAR_SHADOW_SHARE is 0: nothing is compared with SIDECAR_SHADOW_URL")
	}
}
