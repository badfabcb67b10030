"""What Kubernetes runs: Deployments, revisions, images, field managers."""
