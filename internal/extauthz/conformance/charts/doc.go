// Package charts tries what deploys the sidecar: the Helm chart, the Kustomize bases and the Compose file of deploy.
// They are rendered by Helm's, Kustomize's and Compose's own code, judged by the API server's own validation, and
// their containers are run with the real binary.
package charts
