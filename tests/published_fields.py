"""Of resources whose schema no package has: the fields that their operators publish, by their path below `spec`."""

_SERVICE_MONITOR = {
    "": "selector endpoints jobLabel targetLabels podTargetLabels namespaceSelector sampleLimit",
    "endpoints": "port path interval scrapeTimeout authorization scheme tlsConfig params",
    "endpoints.authorization": "type credentials",
    "endpoints.authorization.credentials": "name key optional",
}
_RAY_JOB = {
    "": """activeDeadlineSeconds backoffLimit clusterSelector deletionStrategy entrypoint entrypointNumCpus
        entrypointNumGpus jobId managedBy metadata rayClusterSpec runtimeEnvYAML shutdownAfterJobFinishes submissionMode
        submitterConfig submitterPodTemplate suspend ttlSecondsAfterFinished""",
    "rayClusterSpec": """rayVersion enableInTreeAutoscaling autoscalerOptions headServiceAnnotations
        gcsFaultToleranceOptions suspend headGroupSpec workerGroupSpecs""",
    "rayClusterSpec.headGroupSpec": "serviceType headService enableIngress rayStartParams template",
    "rayClusterSpec.workerGroupSpecs": """groupName replicas minReplicas maxReplicas numOfHosts suspend
        idleTimeoutSeconds rayStartParams template scaleStrategy""",
}
PUBLISHED = {
    "ServiceMonitor": {path: set(fields.split()) for path, fields in _SERVICE_MONITOR.items()},
    "RayJob": {path: set(fields.split()) for path, fields in _RAY_JOB.items()},
}
