"""What `import oomforensics` offers to programs and notebooks: histories and incidents as pandas sees them."""
