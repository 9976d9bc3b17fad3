"""Procedures: what was done to the patient, and its codes in ICD-10-PCS, HCPCS or a customer's own set."""
