{{/* What the schema cannot say, in words. */}}
{{- define "django-sidecar.check" -}}
{{- $v := .Values -}}
{{- $places := dict
  "SIDECAR_LISTEN" "ports.public and loopback" "SIDECAR_ADMIN_LISTEN" "ports.admin"
  "SIDECAR_GRPC_LISTEN" "ports.grpc" "SIDECAR_DRAIN_DELAY" "stop.drainSeconds" "SIDECAR_AUDIT_LOG" "auditLog" -}}
{{- range $name, $value := $v.settings -}}
  {{- with index $places $name }}{{ fail (printf "settings.%s: give it as %s" $name .) }}{{ end -}}
{{- end -}}
{{- $ports := list (int $v.ports.public) (int $v.ports.admin) (int $v.ports.grpc) -}}
{{- if ne (len ($ports | uniq)) 3 }}{{ fail (printf "ports are not different: public %v, admin %v, grpc %v" $v.ports.public $v.ports.admin $v.ports.grpc) }}{{ end -}}
{{- if and $v.secret.files (not $v.secret.name) }}{{ fail "secret.name is empty, and secret.files needs a Secret" }}{{ end -}}
{{- range $name, $path := dict "settings.DJANGO_MEDIA_ROOT" ($v.settings.DJANGO_MEDIA_ROOT | default "") "auditLog" $v.auditLog -}}
  {{- $mounted := or (not $path) (eq $path "stderr") -}}
  {{- range $v.volumeMounts -}}
    {{- if hasPrefix (printf "%s/" (trimSuffix "/" .mountPath)) (printf "%s/" (trimSuffix "/" $path)) }}{{ $mounted = true }}{{ end -}}
  {{- end -}}
  {{- if not $mounted }}{{ fail (printf "%s is %s, which is in no volume, and the image is read-only: add volumes and volumeMounts" $name $path) }}{{ end -}}
{{- end -}}
{{- range $name, $key := $v.secret.files -}}
  {{- if hasPrefix "SIDECAR_TLS_" $name }}{{ fail (printf "secret.files.%s: give it as tls.public" $name) }}{{ end -}}
  {{- if hasPrefix "SIDECAR_ADMIN_TLS_" $name }}{{ fail (printf "secret.files.%s: give it as tls.admin" $name) }}{{ end -}}
{{- end -}}
{{- range $name, $tls := $v.tls -}}
  {{- if and $tls.clientCertificates (not $tls.secret) }}{{ fail (printf "tls.%s.clientCertificates, and tls.%s.secret is empty" $name $name) }}{{ end -}}
{{- end -}}
{{- if ne $v.probes "exec" -}}
  {{- if $v.adminLoopback }}{{ fail "adminLoopback: true, and the kubelet's probes do not reach the loopback: set probes to exec" }}{{ end -}}
  {{- if $v.tls.admin.clientCertificates }}{{ fail "tls.admin.clientCertificates, and the kubelet has no certificate: set probes to exec" }}{{ end -}}
{{- end -}}
{{- if $v.podMonitor.enabled -}}
  {{- if $v.adminLoopback }}{{ fail "podMonitor.enabled, and Prometheus does not reach the admin port: adminLoopback is true" }}{{ end -}}
  {{- if and $v.tls.admin.secret (not $v.podMonitor.tlsConfig) }}{{ fail "podMonitor.tlsConfig is empty, and the admin port speaks TLS: say whom Prometheus trusts, {ca: {secret: {name: NAME, key: ca.crt}}, serverName: NAME}" }}{{ end -}}
  {{- if and $v.tls.admin.clientCertificates (not (and $v.podMonitor.tlsConfig.cert $v.podMonitor.tlsConfig.keySecret)) }}{{ fail "tls.admin.clientCertificates, and podMonitor.tlsConfig has no cert and keySecret for Prometheus" }}{{ end -}}
{{- end -}}
{{- if and $v.podMonitor.tlsConfig (not $v.tls.admin.secret) }}{{ fail "podMonitor.tlsConfig, and the admin port speaks plain HTTP: tls.admin.secret is empty" }}{{ end -}}
{{- if eq (include "django-sidecar.mode" .) "service" -}}
  {{- if $v.loopback }}{{ fail "loopback: true, and the Service reaches no pod: it is for the mode sidecar" }}{{ end -}}
  {{- if and $v.settings.SIDECAR_UPLOAD_DRAIN (not $v.terminationGracePeriodSeconds) -}}
    {{- fail "settings.SIDECAR_UPLOAD_DRAIN is set: set terminationGracePeriodSeconds too, to more than stop.preStopSeconds, stop.drainSeconds and it together" -}}
  {{- end -}}
  {{- if and $v.podMonitor.enabled $v.networkPolicy.enabled (not $v.networkPolicy.monitoring) -}}
    {{- fail "podMonitor.enabled, and networkPolicy.monitoring lets nobody in to the admin port: name Prometheus' pods there" -}}
  {{- end -}}
  {{- if and $v.autoscaling.enabled (lt (int $v.autoscaling.maxReplicas) (int $v.autoscaling.minReplicas)) }}{{ fail "autoscaling.maxReplicas is less than minReplicas" }}{{ end -}}
{{- else -}}
  {{- if and $v.podMonitor.enabled (not $v.podMonitor.selector) }}{{ fail "podMonitor.selector is empty: name the labels of Django's pods" }}{{ end -}}
{{- end -}}
{{- end }}
