// Package manifests tries the Kubernetes manifests of deploy/kubernetes against the products that they are for: with
// the API server's own validation, and the schemas that the products' modules bring.
package manifests
