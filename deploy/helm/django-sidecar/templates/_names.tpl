{{- define "django-sidecar.name" -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "django-sidecar.selector" -}}
app.kubernetes.io/name: django-sidecar
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "django-sidecar.labels" -}}
{{ include "django-sidecar.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
