// What Windows PowerShell is told to do to sign a file. Nobody has run it on Windows yet.

/** Subjects of the certificates that are made here begin with it. */
export const CERTIFICATE_NAME = 'cmbridge test signing';

/**
 * The key is made where it cannot be exported, and is destroyed with the certificate as soon as the file is signed, whether that went well
 * or not. What a run left that was killed in between is removed by the next one; nobody trusts such a certificate, as trust is added
 * after this script has ended. `Set-AuthenticodeSignature` tells that the root is unknown, and has signed all the same.
 */
export const SIGN_SCRIPT = `
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$own = 'CN=${CERTIFICATE_NAME}*'

function Remove-Certificate($certificate) {
  Get-ChildItem 'Cert:\\CurrentUser\\CA' | Where-Object Thumbprint -EQ $certificate.Thumbprint | Remove-Item
  Remove-Item -Path "Cert:\\CurrentUser\\My\\$($certificate.Thumbprint)" -DeleteKey
}

Get-ChildItem 'Cert:\\CurrentUser\\My' |
  Where-Object { $_.Subject -like $own -and $_.NotBefore -lt (Get-Date).AddMinutes(-10) } |
  ForEach-Object { Remove-Certificate $_ }

$made = $null
$key = $null
try {
  if ($env:CMBRIDGE_THUMBPRINT) {
    $certificate = Get-ChildItem 'Cert:\\CurrentUser\\My', 'Cert:\\LocalMachine\\My' |
      Where-Object { $_.Thumbprint -eq $env:CMBRIDGE_THUMBPRINT -and $_.HasPrivateKey } | Select-Object -First 1
    if (-not $certificate) { throw "no certificate $env:CMBRIDGE_THUMBPRINT with a private key in the stores My of the user and of the machine" }
  } else {
    $made = New-SelfSignedCertificate -Type CodeSigningCert -Subject "CN=${CERTIFICATE_NAME} $([guid]::NewGuid())" \`
      -Provider 'Microsoft Software Key Storage Provider' -KeyAlgorithm RSA -KeyLength 3072 -HashAlgorithm SHA256 \`
      -KeyUsage DigitalSignature -KeyExportPolicy NonExportable -CertStoreLocation 'Cert:\\CurrentUser\\My' \`
      -NotBefore (Get-Date) -NotAfter (Get-Date).AddYears(5)
    $certificate = $made
    $key = ([System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($made)).Key.KeyName
  }
  $signature = Set-AuthenticodeSignature -LiteralPath $env:CMBRIDGE_FILE -Certificate $certificate -HashAlgorithm SHA256 -IncludeChain Signer
  if ($signature.SignerCertificate.Thumbprint -ne $certificate.Thumbprint) { throw "not signed: $($signature.StatusMessage)" }
} finally {
  if ($made) { Remove-Certificate $made }
}
if ($key -and [System.Security.Cryptography.CngKey]::Exists($key)) { throw 'the private key could not be destroyed' }
Write-Output $certificate.Thumbprint
`;
