"""How good are the recommendations: methods side by side over catalogues and seeds, under one protocol."""
