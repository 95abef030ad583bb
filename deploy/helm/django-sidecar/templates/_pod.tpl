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
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
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
  httpGet:
    path: /livez
    port: auth-admin
  periodSeconds: 1
  failureThreshold: 30
# Not ready without the database and its two tables. Ready again by itself.
readinessProbe:
  httpGet:
    path: /readyz
    port: auth-admin
  periodSeconds: 5
  # More than SIDECAR_STORE_TIMEOUT, 2s, so that the answer says what is wrong.
  timeoutSeconds: 3
# The process alone: a restart mends no database.
livenessProbe:
  httpGet:
    path: /livez
    port: auth-admin
  periodSeconds: 10
  timeoutSeconds: 3
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
{{- if or $v.secret.name $v.volumeMounts }}
volumeMounts:
  {{- if $v.secret.name }}
  - name: django-sidecar-secrets
    mountPath: /run/secrets/django-sidecar
    readOnly: true
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
# The kubelet's probes come from outside of the pod, and do not reach its loopback. A NetworkPolicy keeps everybody else away.
- name: SIDECAR_ADMIN_LISTEN
  value: ":{{ $v.ports.admin }}"
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
