{{/*
What a Django chart includes. It has this chart as a dependency, and the values of this chart below "django-sidecar:".

In one line, in a pod's spec that has no initContainers and no volumes of its own:
      {{- include "django-sidecar.pod" . | nindent 6 }}
Where it has some, an item of each list:
      initContainers:
        {{- include "django-sidecar.initContainers" . | nindent 8 }}
      volumes:
        {{- include "django-sidecar.volumes" . | nindent 8 }}
*/}}
{{- define "django-sidecar.pod" -}}
{{- $volumes := include "django-sidecar.volumes" . -}}
initContainers:
  {{- include "django-sidecar.initContainers" . | nindent 2 }}
{{- with $volumes }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}

{{/* An init container that is always restarted is a native sidecar: it starts before Django, and stops after it. */}}
{{- define "django-sidecar.initContainers" -}}
{{- $own := index .Subcharts "django-sidecar" | required "django-sidecar is no dependency of this chart, or has an alias, or is switched off" -}}
- {{ include "django-sidecar.container" $own | nindent 2 | trim }}
  restartPolicy: Always
{{- end }}

{{- define "django-sidecar.volumes" -}}
{{- $own := index .Subcharts "django-sidecar" | required "django-sidecar is no dependency of this chart, or has an alias, or is switched off" -}}
{{- /* Readable by all: the pod's fsGroup is Django's business, and no other container mounts this volume. */ -}}
{{- include "django-sidecar.ownVolumes" (dict "Values" $own.Values "mode" "0444") }}
{{- end }}

{{/* All below is given this chart's own context. */}}

{{- define "django-sidecar.mode" -}}
{{- if ne .Values.mode "auto" }}{{ .Values.mode }}{{ else if .Chart.IsRoot }}service{{ else }}sidecar{{ end }}
{{- end }}

{{- define "django-sidecar.ownVolumes" -}}
{{- with .Values.secret.name }}
- name: django-sidecar-secrets
  secret:
    secretName: {{ . }}
    defaultMode: {{ $.mode }}
    {{- with $.Values.secret.files }}
    items:
      {{- range values . | uniq | sortAlpha }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
    {{- end }}
{{- end }}
{{- range $listener, $tls := .Values.tls }}
{{- if $tls.secret }}
- name: django-sidecar-tls-{{ $listener }}
  secret:
    secretName: {{ $tls.secret }}
    defaultMode: {{ $.mode }}
{{- end }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* How the kubelet asks for a path of the admin listener. */}}
{{- define "django-sidecar.probe" -}}
{{- if eq .values.probes "exec" -}}
exec:
  command: ["/django-sidecar", "healthcheck"{{ if eq .path "/livez" }}, "-live"{{ end }}]
{{- else -}}
httpGet:
  path: {{ .path }}
  port: auth-admin
  {{- if .values.tls.admin.secret }}
  scheme: HTTPS
  {{- end }}
{{- end -}}
{{- end }}

{{- define "django-sidecar.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- define "django-sidecar.container" -}}
{{- include "django-sidecar.check" . -}}
{{- $v := .Values -}}
name: django-sidecar
image: {{ include "django-sidecar.image" . | quote }}
imagePullPolicy: {{ $v.image.pullPolicy }}
args: ["serve"]
{{- with $v.settingsFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  {{- include "django-sidecar.env" . | nindent 2 }}
ports:
  - name: auth
    containerPort: {{ $v.ports.public }}
  - name: auth-admin
    containerPort: {{ $v.ports.admin }}
  {{- if $v.ports.grpc }}
  - name: auth-grpc
    containerPort: {{ $v.ports.grpc }}
  {{- end }}
# Runs when the pod is deleted, and SIGTERM comes after it: the Service and its gateways have to hear first that the pod is gone.
lifecycle:
  preStop:
    sleep:
      seconds: {{ $v.stop.preStopSeconds }}
# Django starts when this one has succeeded. It asks for the process alone: were it to ask for the database too,
# a Django that makes its tables when it starts would never start.
startupProbe:
  {{- include "django-sidecar.probe" (dict "values" $v "path" "/livez") | nindent 2 }}
  {{- if eq $v.probes "exec" }}
  timeoutSeconds: 6
  {{- end }}
  periodSeconds: 1
  failureThreshold: 30
# Not ready without the database and its two tables. Ready again by itself.
readinessProbe:
  {{- include "django-sidecar.probe" (dict "values" $v "path" "/readyz") | nindent 2 }}
  periodSeconds: 5
  # More than SIDECAR_STORE_TIMEOUT, 2s, so that the answer says what is wrong.
  timeoutSeconds: {{ ternary 6 3 (eq $v.probes "exec") }}
# The process alone: a restart mends no database.
livenessProbe:
  {{- include "django-sidecar.probe" (dict "values" $v "path" "/livez") | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: {{ ternary 6 3 (eq $v.probes "exec") }}
resources:
  {{- toYaml $v.resources | nindent 2 }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ $v.user }}
  runAsGroup: {{ $v.group }}
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: ["ALL"]
  seccompProfile:
    type: RuntimeDefault
{{- if or $v.secret.name $v.volumeMounts $v.tls.public.secret $v.tls.admin.secret }}
volumeMounts:
  {{- if $v.secret.name }}
  - name: django-sidecar-secrets
    mountPath: /run/secrets/django-sidecar
    readOnly: true
  {{- end }}
  {{- range $listener, $tls := $v.tls }}
  {{- if $tls.secret }}
  - name: django-sidecar-tls-{{ $listener }}
    mountPath: /run/secrets/django-sidecar-tls-{{ $listener }}
    readOnly: true
  {{- end }}
  {{- end }}
  {{- with $v.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* An address without a host is every address of the pod, IPv4 and IPv6. */}}
{{- define "django-sidecar.env" -}}
{{- $v := .Values -}}
{{- $host := ternary "127.0.0.1" "" $v.loopback -}}
- name: SIDECAR_LISTEN
  value: "{{ $host }}:{{ $v.ports.public }}"
{{- if $v.ports.grpc }}
- name: SIDECAR_GRPC_LISTEN
  value: "{{ $host }}:{{ $v.ports.grpc }}"
{{- end }}
{{- if $v.adminLoopback }}
- name: SIDECAR_ADMIN_LISTEN
  value: "127.0.0.1:{{ $v.ports.admin }}"
{{- else }}
# The kubelet's probes come from outside of the pod, and do not reach its loopback. A NetworkPolicy keeps everybody else away.
- name: SIDECAR_ADMIN_LISTEN
  value: ":{{ $v.ports.admin }}"
{{- end }}
{{- range $listener, $prefix := dict "public" "SIDECAR_TLS" "admin" "SIDECAR_ADMIN_TLS" }}
{{- $tls := index $v.tls $listener }}
{{- if $tls.secret }}
- name: {{ $prefix }}_CERT_FILE
  value: /run/secrets/django-sidecar-tls-{{ $listener }}/tls.crt
- name: {{ $prefix }}_KEY_FILE
  value: /run/secrets/django-sidecar-tls-{{ $listener }}/tls.key
{{- if $tls.clientCertificates }}
- name: {{ $prefix }}_CLIENT_CA_FILE
  value: /run/secrets/django-sidecar-tls-{{ $listener }}/ca.crt
{{- end }}
{{- end }}
{{- end }}
{{- with $v.auditLog }}
- name: SIDECAR_AUDIT_LOG
  value: {{ . | replace "$(" "$$(" | quote }}
{{- end }}
# After SIGTERM everything is still served for so long, while /readyz says 503 and each connection ends with an answer: for
# gateways that ask /readyz, or keep connections to this pod.
- name: SIDECAR_DRAIN_DELAY
  value: "{{ $v.stop.drainSeconds }}s"
{{- range $name, $key := $v.secret.files }}
- name: {{ $name }}
  value: /run/secrets/django-sidecar/{{ $key }}
{{- end }}
{{- range $name, $value := $v.settings }}
- name: {{ $name }}
  value: {{ include "django-sidecar.text" $value | replace "$(" "$$(" | quote }}
  {{- /* $$: Kubernetes takes $(NAME) for a variable. */}}
{{- end }}
{{- with $v.env }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* A value as the sidecar reads it: lists and objects as JSON, numbers without an exponent. */}}
{{- define "django-sidecar.text" -}}
{{- if or (kindIs "slice" .) (kindIs "map" .) }}{{ toJson . }}{{ else if kindIs "float64" . }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}
{{- end }}
