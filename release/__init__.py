"""What a release is made of and checked by: notices, a list of its parts (SBOM), the wheel in an empty environment."""
