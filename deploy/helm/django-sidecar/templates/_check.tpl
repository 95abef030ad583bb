{{/* What the schema cannot say, in words. */}}
{{- define "django-sidecar.check" -}}
{{- $v := .Values -}}
{{- $places := dict
  "SIDECAR_LISTEN" "ports.public and loopback" "SIDECAR_ADMIN_LISTEN" "ports.admin"
  "SIDECAR_GRPC_LISTEN" "ports.grpc" "SIDECAR_DRAIN_DELAY" "stop.drainSeconds" -}}
{{- range $name, $value := $v.settings -}}
  {{- with index $places $name }}{{ fail (printf "settings.%s: give it as %s" $name .) }}{{ end -}}
{{- end -}}
{{- $ports := list (int $v.ports.public) (int $v.ports.admin) (int $v.ports.grpc) -}}
{{- if ne (len ($ports | uniq)) 3 }}{{ fail (printf "ports are not different: public %v, admin %v, grpc %v" $v.ports.public $v.ports.admin $v.ports.grpc) }}{{ end -}}
{{- if and $v.secret.files (not $v.secret.name) }}{{ fail "secret.name is empty, and secret.files needs a Secret" }}{{ end -}}
{{- with $v.settings.DJANGO_MEDIA_ROOT -}}
  {{- $mounted := false -}}
  {{- range $v.volumeMounts -}}
    {{- if hasPrefix (printf "%s/" (trimSuffix "/" .mountPath)) (printf "%s/" (trimSuffix "/" $v.settings.DJANGO_MEDIA_ROOT)) }}{{ $mounted = true }}{{ end -}}
  {{- end -}}
  {{- if not $mounted }}{{ fail (printf "settings.DJANGO_MEDIA_ROOT is %s, which is in no volume, and the image is read-only: add volumes and volumeMounts" .) }}{{ end -}}
{{- end -}}
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
